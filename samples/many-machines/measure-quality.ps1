<#
.SYNOPSIS
Measures one of several quantizations on a text: one task of an array. Exits as convert-shard.ps1 does.

.EXAMPLE
./measure-quality.ps1 /share/model-bf16.gguf /share/heldout.txt /share/rows -Number 1
#>
#Requires -Version 7.6
[CmdletBinding()]
param(
    # The unquantized model.
    [Parameter(Mandatory)] [string] $Reference,
    [Parameter(Mandatory)] [string] $Corpus,

    # The folder with candidates.txt, a quantization per line. It receives the reference's logits, and a row per quantization.
    [Parameter(Mandatory)] [string] $Destination,

    # The line of candidates.txt, from 1.
    [int] $Number = $env:SLURM_ARRAY_TASK_ID ?? (1 + $env:JOB_COMPLETION_INDEX)
)

. (Join-Path $PSScriptRoot exit-code.ps1)
try {
    $candidate = @(Get-Content (Join-Path $Destination candidates.txt) -ErrorAction Stop)[$Number - 1]
    $rows = Compare-Quant $candidate -Reference $Reference -Corpus $Corpus -LogitsFile (Join-Path $Destination logits.bin) -ErrorAction Stop
    # The row of the reference is the same in every task.
    $rows | Select-Object -Skip ($Number -eq 1 ? 0 : 1) | Export-Clixml (Join-Path $Destination ('row-{0:d4}.xml' -f $Number))
}
catch {
    [Console]::Error.WriteLine("$_")
    exit (Get-ExitCode $_)
}
