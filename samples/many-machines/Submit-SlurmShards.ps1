<#
.SYNOPSIS
Submits a Slurm array that quantizes a model, one task for each shard that is missing.

.DESCRIPTION
Run it again when the array has ended: it submits what is still missing, and nothing once all shards are there. The model, the
destination and the module must have the same paths on all nodes. Returns the job's number.

.EXAMPLE
./Submit-SlurmShards.ps1 /share/model-00001-of-00040.gguf Q4_K_M /share/quantized -SbatchOption --cpus-per-task=32, --mem=4G
#>

#Requires -Version 7.6
[CmdletBinding()]
param(
    [Parameter(Mandatory)] [string] $Path,
    [Parameter(Mandatory)] [string] $Type,
    [Parameter(Mandatory)] [string] $Destination,
    [long] $SplitMaxSize,
    [string] $ImportanceMatrix,
    [string] $Calibration,
    [string] $Recipe,

    # Further options of sbatch, such as --partition=long.
    [string[]] $SbatchOption = @(),

    # Submits a task for every shard, also for those that exist: they are kept unless the source is newer.
    [switch] $All
)

$ErrorActionPreference = 'Stop'
. (Join-Path $PSScriptRoot model-options.ps1)
$options = Get-ModelOption $PSBoundParameters
# Without -SplitMaxSize, the task too splits the file as the source is.
$arguments = $options.GetEnumerator() | Where-Object Key -ne KeepSplit | ForEach-Object { "-$($_.Key)", "$($_.Value)" }
$shards = (Get-QuantPlan @options).Shards | Where-Object { $All -or -not (Test-Path -LiteralPath $_.Path) }
if (-not $shards) {
    Write-Verbose 'No shard is missing.'
    return
}
$null = New-Item $Destination -ItemType Directory -Force
sbatch --parsable "--array=$($shards.Number -join ',')" @SbatchOption (Join-Path $PSScriptRoot slurm-task.sbatch) (Join-Path $PSScriptRoot convert-shard.ps1) @arguments
if ($LASTEXITCODE -ne 0) { throw "sbatch failed with exit code $LASTEXITCODE." }
