<#
.SYNOPSIS
Quantizes a model on several machines by PowerShell remoting over SSH, each making its share of the missing shards.

.DESCRIPTION
Remoting sends work out once and moves none: what a machine that fails leaves undone is still missing afterwards. Run the script
again, and the machines that answer then share it. Returns a row per machine; the errors name the machines that they are about.
The model, the destination and the module must have the same paths on all machines.

.EXAMPLE
./Invoke-SshShards.ps1 n1, n2, n3 /share/model-00001-of-00040.gguf Q4_K_M /share/quantized -Connection @{ UserName = 'me'; ConnectingTimeout = 30000 }
#>

#Requires -Version 7.6
[CmdletBinding()]
param(
    [Parameter(Mandatory)] [string[]] $HostName,
    [Parameter(Mandatory)] [string] $Path,
    [Parameter(Mandatory)] [string] $Type,
    [Parameter(Mandatory)] [string] $Destination,
    [long] $SplitMaxSize,
    [string] $ImportanceMatrix,
    [string] $Calibration,
    [string] $Recipe,

    # The module on the machines: its name, or the path of a copy that all of them see.
    [string] $Module = 'GgufQuant',

    # Further parameters of New-PSSession: Port, UserName, KeyFilePath, ConnectingTimeout in milliseconds, Options.
    [hashtable] $Connection = @{}
)

. (Join-Path $PSScriptRoot model-options.ps1)
$options = Get-ModelOption $PSBoundParameters
$missing = @((Get-QuantPlan @options -ErrorAction Stop).Shards | Where-Object { -not (Test-Path -LiteralPath $_.Path) })
if (-not $missing) {
    Write-Verbose 'No shard is missing.'
    return
}

# Not in one pipeline, in which New-PSSession loses its errors.
$sessions = @(New-PSSession -HostName $HostName @Connection)
$sessions = @($sessions | Sort-Object { [array]::IndexOf($HostName, $_.ComputerName) })
if (-not $sessions) { throw 'No machine answers.' }
try {
    $jobs = for ($i = 0; $i -lt [Math]::Min($sessions.Count, $missing.Count); $i++) {
        # Every n-th, since shards differ in size.
        $share = $options + @{ Shard = [int[]] (($i..($missing.Count - 1) | Where-Object { ($_ - $i) % $sessions.Count -eq 0 }).ForEach{ $missing[$_].Number }) }
        Invoke-Command -Session $sessions[$i] -AsJob -ArgumentList $Module, $share -ScriptBlock {
            param($module, $share)
            Import-Module $module
            ConvertTo-Quantized @share -SkipExisting
        }
    }
    $jobs | Receive-Job -Wait
    foreach ($job in $jobs | Where-Object State -ne Completed) {
        Write-Error "The connection to '$($job.Location)' has ended, perhaps before its shards were made. Run the script again."
    }
    $jobs | Remove-Job
}
finally {
    $sessions | Remove-PSSession
}
