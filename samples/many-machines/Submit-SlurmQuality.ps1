<#
.SYNOPSIS
Submits Slurm jobs that measure quantizations on a text, one task each.

.DESCRIPTION
The first job evaluates the reference and writes its logits; the array, a task per quantization, starts when it has succeeded and
reads them, without running the reference. Make a report of the rows when both have ended:

Get-ChildItem rows/row-*.xml | Import-Clixml | Export-QuantReport report.html

Returns the numbers of the jobs.

.EXAMPLE
./Submit-SlurmQuality.ps1 /share/model-bf16.gguf /share/heldout.txt /share/rows (Get-ChildItem /share/quantized/*-00001-of-*.gguf)
#>

#Requires -Version 7.6
[CmdletBinding()]
param(
    [Parameter(Mandatory)] [string] $Reference,
    [Parameter(Mandatory)] [string] $Corpus,

    # A folder for the logits and the rows.
    [Parameter(Mandatory)] [string] $Destination,

    # The quantizations; of a split one, its first shard.
    [Parameter(Mandatory)] [string[]] $Candidate,

    # Further options of sbatch. The first job needs memory for the reference, the others for a quantization.
    [string[]] $SbatchOption = @(),

    # Leaves the weights unread; without it, each task reads those of the reference and of the quantization to compare them.
    [switch] $PredictionOnly
)

$ErrorActionPreference = 'Stop'
$folder = (New-Item $Destination -ItemType Directory -Force).FullName
(Convert-Path -LiteralPath $Candidate) | Set-Content (Join-Path $folder candidates.txt)
$task = (Join-Path $PSScriptRoot slurm-task.sbatch), (Join-Path $PSScriptRoot measure-quality.ps1), (Convert-Path -LiteralPath $Reference), (Convert-Path -LiteralPath $Corpus), $folder
if ($PredictionOnly) { $task += '-PredictionOnly' }
$first = sbatch --parsable --array=0 @SbatchOption @task
if ($LASTEXITCODE -ne 0) { throw "sbatch failed with exit code $LASTEXITCODE." }
$first
sbatch --parsable "--array=1-$($Candidate.Count)" "--dependency=afterok:$first" @SbatchOption @task
if ($LASTEXITCODE -ne 0) { throw "sbatch failed with exit code $LASTEXITCODE." }
