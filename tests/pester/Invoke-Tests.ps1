<#
.SYNOPSIS
Runs the Pester tests of this folder and exits with the number of failures.
#>
#Requires -Version 7.6
$ErrorActionPreference = 'Stop'
$pester = Get-Module Pester -ListAvailable | Where-Object Version -ge 5.0
if (-not $pester)
{
    [Console]::Error.WriteLine('The Pester tests need Pester 5: install it with "Install-PSResource Pester".')
    exit 1
}

Import-Module Pester -MinimumVersion 5.0
$configuration = New-PesterConfiguration
$configuration.Run.Path = $PSScriptRoot
$configuration.Run.Exit = $true
$configuration.Output.Verbosity = 'Detailed'
Invoke-Pester -Configuration $configuration
