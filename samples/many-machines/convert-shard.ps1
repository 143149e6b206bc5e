<#
.SYNOPSIS
Makes one shard of a quantized model, or keeps it if it is there: one task of an array.

.DESCRIPTION
The number of the shard is that of the task of a Slurm array or of a Kubernetes Indexed Job. Exits with 0, with 1 if another try
may succeed, or with 2 if none can.

.EXAMPLE
./convert-shard.ps1 /share/model-00001-of-00040.gguf Q4_K_M /share/quantized -Shard 7
#>

#Requires -Version 7.6
[CmdletBinding()]
param(
    # The model; any shard stands for all.
    [Parameter(Mandatory)] [string] $Path,
    [Parameter(Mandatory)] [string] $Type,

    # The folder that all machines write to.
    [Parameter(Mandatory)] [string] $Destination,

    # Splits the file by size; without it, it is split as the source is.
    [long] $SplitMaxSize,
    [string] $ImportanceMatrix,
    [string] $Calibration,
    [string] $Recipe,

    # From 1. Slurm's arrays are submitted with these numbers, and those of Kubernetes count from 0.
    [int] $Shard = $env:SLURM_ARRAY_TASK_ID ?? (1 + $env:JOB_COMPLETION_INDEX)
)

. (Join-Path $PSScriptRoot exit-code.ps1)
$options = [hashtable]::new($PSBoundParameters)
$options.Shard = $Shard
if (-not $SplitMaxSize) { $options.KeepSplit = $true }
try {
    ConvertTo-Quantized @options -SkipExisting -ErrorAction Stop | Select-Object Path, Size, SourceSize, Duration, KeptPaths | Format-List
}
catch {
    [Console]::Error.WriteLine("$_")
    exit (Get-ExitCode $_)
}
