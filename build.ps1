<#
.SYNOPSIS
Builds, tests and packages GgufQuant.

.DESCRIPTION
Build    compiles everything and stages the module, so that Import-Module ./GgufQuant.psd1 works in this checkout.
Test     builds, then runs every test that needs no installed PowerShell.
Pester   builds, then runs the tests that only a real PowerShell can show. Needs pwsh and Pester 5.
Package  builds, then puts the installable module into out/GgufQuant/<version>.
Clean    removes what the other tasks made.

It uses the engine's own cmdlets only, so that it runs in GgufQuant.Shell as it does in PowerShell.

.EXAMPLE
./build.ps1 -Task Test

.EXAMPLE
dotnet run --project src/GgufQuant.Shell -- build.ps1 -Task Package
#>
#Requires -Version 7.6
[CmdletBinding()]
param(
    [Parameter(Position = 0)]
    [ValidateSet('Build', 'Test', 'Pester', 'Package', 'Clean')]
    [string] $Task = 'Build',

    [ValidateSet('Debug', 'Release')]
    [string] $Configuration = 'Release'
)

$ErrorActionPreference = 'Stop'
$solution = "$PSScriptRoot/GgufQuant.sln"
$manifest = "$PSScriptRoot/GgufQuant.psd1"

# Runs a program and ends the script where it fails.
function Invoke-Program([string] $Name, [string[]] $Arguments)
{
    & $Name @Arguments
    if ($LASTEXITCODE -ne 0) { throw "'$Name $Arguments' failed with exit code $LASTEXITCODE." }
}

function Remove-Folder([string] $Path)
{
    if ([IO.Directory]::Exists($Path)) { [IO.Directory]::Delete($Path, $true) }
}

function Invoke-Build
{
    Invoke-Program dotnet 'build', $solution, '--configuration', $Configuration
}

function Invoke-Test
{
    Invoke-Program dotnet 'test', '--solution', $solution, '--configuration', $Configuration, '--no-build'
}

function Invoke-PesterTest
{
    if (-not (Get-Command pwsh -CommandType Application -ErrorAction Ignore))
    {
        throw 'The Pester tests need PowerShell 7.6: no ''pwsh'' was found on the PATH.'
    }

    Invoke-Program pwsh '-NoProfile', '-File', "$PSScriptRoot/tests/pester/Invoke-Tests.ps1"
}

# The manifest says what belongs to the package: nothing else goes in, and a missing file is an error.
function New-Package
{
    $module = Test-ModuleManifest $manifest
    $folder = [IO.Path]::Combine($PSScriptRoot, 'out', $module.Name, $module.Version)
    Remove-Folder $folder
    foreach ($file in $module.FileList)
    {
        $target = [IO.Path]::Combine($folder, [IO.Path]::GetRelativePath($PSScriptRoot, $file))
        $null = [IO.Directory]::CreateDirectory([IO.Path]::GetDirectoryName($target))
        [IO.File]::Copy($file, $target, $true)
    }

    $null = Test-ModuleManifest ([IO.Path]::Combine($folder, 'GgufQuant.psd1'))
    "The package is in '$folder'."
}

function Remove-BuildOutput
{
    Remove-Folder "$PSScriptRoot/out"
    foreach ($name in [IO.Directory]::GetFiles("$PSScriptRoot/module"))
    {
        if ([IO.Path]::GetExtension($name) -in '.dll', '.pdb') { [IO.File]::Delete($name) }
    }

    foreach ($project in [IO.Directory]::GetFiles($PSScriptRoot, '*.csproj', 'AllDirectories'))
    {
        $folder = [IO.Path]::GetDirectoryName($project)
        # The Shell cannot take away the program that it is.
        if ([AppContext]::BaseDirectory.StartsWith($folder)) { continue }
        Remove-Folder "$folder/bin"
        Remove-Folder "$folder/obj"
    }
}

switch ($Task)
{
    'Build'   { Invoke-Build }
    'Test'    { Invoke-Build; Invoke-Test }
    'Pester'  { Invoke-Build; Invoke-PesterTest }
    'Package' { Invoke-Build; New-Package }
    'Clean'   { Remove-BuildOutput }
}
