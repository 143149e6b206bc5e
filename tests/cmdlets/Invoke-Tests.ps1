<#
.SYNOPSIS
Runs the tests of this folder against the packaged module, and writes how many passed.

.DESCRIPTION
'build.ps1 Pester' builds the package, restores Pester and calls this in a separate PowerShell process.
#>
#Requires -Version 7.6
[CmdletBinding()]
param(
    # Test files to run, by name without '.Tests.ps1'.
    [SupportsWildcards()]
    [string] $Filter = '*',

    # Receives the counts and the failed tests as JSON.
    [string] $ResultPath
)

$ErrorActionPreference = 'Stop'
$output = Join-Path $PSScriptRoot .. .. out -Resolve
$env:PSModulePath = @($output, (Join-Path $output modules), $env:PSModulePath) -join [IO.Path]::PathSeparator
Import-Module Pester -MinimumVersion 6.0
Import-Module (Join-Path $PSScriptRoot TestHelpers.psm1)
# The same text with a terminal and without one.
$PSStyle.OutputRendering = 'PlainText'

$configuration = New-PesterConfiguration
$configuration.Run.Path = Join-Path $PSScriptRoot "$Filter.Tests.ps1"
$configuration.Run.PassThru = $true
$configuration.Output.CIFormat = 'None'
$result = Invoke-Pester -Configuration $configuration

# What failed outside of a test counts as well: a file that does not parse, a BeforeAll that throws.
$failed = $result.FailedCount + $result.FailedBlocksCount + $result.FailedContainersCount
if ($ResultPath) {
    $failures = @($result.Failed; $result.FailedBlocks; $result.FailedContainers).ForEach{ "failed $($_.ExpandedPath ?? $_.Name)"; "  $($_.ErrorRecord)" }
    @{ Passed = $result.PassedCount; Failed = $failed; Skipped = $result.SkippedCount; Failures = $failures } | ConvertTo-Json | Set-Content $ResultPath
}

exit [Math]::Min($failed, 100)
