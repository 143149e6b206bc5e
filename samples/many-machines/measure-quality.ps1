<#
.SYNOPSIS
Measures one of several quantizations on a text: one task of an array. Exits as convert-shard.ps1 does.

.DESCRIPTION
Number 0 is the reference, whose logits it writes; the others read them, and need not run the reference.

.EXAMPLE
./measure-quality.ps1 /share/model-bf16.gguf /share/heldout.txt /share/rows -Number 1
#>

#Requires -Version 7.6
[CmdletBinding()]
param(
    # The unquantized model.
    [Parameter(Mandatory)] [string] $Reference,
    [Parameter(Mandatory)] [string] $Corpus,

    # The folder with candidates.txt, a quantization per line. It receives the reference's logits, and a row per model.
    [Parameter(Mandatory)] [string] $Destination,

    # The line of candidates.txt, from 1; 0 for the reference.
    [int] $Number = $env:SLURM_ARRAY_TASK_ID ?? (1 + $env:JOB_COMPLETION_INDEX),

    # Leaves the weights unread, of the reference too.
    [switch] $PredictionOnly
)

. (Join-Path $PSScriptRoot exit-code.ps1)
try {
    $models = @($Reference) + @(Get-Content (Join-Path $Destination candidates.txt) -ErrorAction Stop)
    $rows = Compare-Quant $models[$Number] -Reference $Reference -Corpus $Corpus -LogitsFile (Join-Path $Destination logits.bin) -PredictionOnly:$PredictionOnly -ErrorAction Stop
    # After that of the reference, which is the same in every task.
    $rows[-1] | Export-Clixml (Join-Path $Destination ('row-{0:d4}.xml' -f $Number))
}
catch {
    [Console]::Error.WriteLine("$_")
    exit (Get-ExitCode $_)
}
