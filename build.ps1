<#
.SYNOPSIS
Builds, tests and packages GgufQuant.

.DESCRIPTION
Build      compiles everything and stages the module, so that Import-Module ./GgufQuant.psd1 works in this checkout.
Test       builds, then runs every test that needs no installed PowerShell.
Pester     packages, then runs the tests that only a real PowerShell can show. Needs pwsh and Pester 5.
Benchmark  measures kernels and whole files beside llama.cpp, and writes docs/benchmarks.md. Leave the machine alone.
Package    builds the module and puts what is installed into out/GgufQuant/<version>.
GpuCheck   makes a program in out/GpuCheck that verifies and measures every GPU kernel on a machine without .NET.
Clean      removes what the other tasks made.

It uses the engine's own cmdlets only, so that it runs in GgufQuant.Shell as it does in PowerShell.

.EXAMPLE
./build.ps1 -Task Test

.EXAMPLE
./build.ps1 -Engine Cuda

.EXAMPLE
dotnet run --project src/GgufQuant.Shell -- build.ps1 -Task Package
#>
#Requires -Version 7.6
[CmdletBinding()]
param(
    [Parameter(Position = 0)]
    [ValidateSet('Build', 'Test', 'Pester', 'Benchmark', 'Package', 'GpuCheck', 'Clean')]
    [string] $Task = 'Build',

    [ValidateSet('Debug', 'Release')]
    [string] $Configuration = 'Release',

    # What evaluates models: llama.cpp on the processor, or with a GPU, or as LLamaSharp packages it. What was staged last
    # stays without it.
    [ValidateSet('Cpu', 'Cuda', 'Vulkan', 'LLamaSharp')]
    [string] $Engine
)

$ErrorActionPreference = 'Stop'
$solution = "$PSScriptRoot/GgufQuant.sln"
$manifest = "$PSScriptRoot/GgufQuant.psd1"
$native = "$PSScriptRoot/module/native"
$llamaSharp = "$PSScriptRoot/module/llamasharp"

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

function Invoke-Build([string] $Project = $solution)
{
    $arguments = @('build', $Project, '--configuration', $Configuration)
    if ($Engine -in 'Cpu', 'Cuda', 'Vulkan')
    {
        Remove-Folder $llamaSharp
        $arguments += "-p:Engine=$Engine"
    }

    Invoke-Program dotnet $arguments
    if ($Engine -eq 'LLamaSharp')
    {
        Invoke-Program dotnet 'publish', "$PSScriptRoot/src/GgufQuant.LLamaSharp", '--configuration', $Configuration, '--use-current-runtime', '--no-self-contained', '--output', $llamaSharp
    }
}

function Invoke-Test
{
    Invoke-Program dotnet 'test', '--solution', $solution, '--configuration', $Configuration, '--no-build'
}

function Assert-PowerShell
{
    if (Get-Command pwsh -CommandType Application -ErrorAction Ignore) { return }
    throw 'The Pester tests need PowerShell 7.6: no ''pwsh'' was found on the PATH.'
}

function Invoke-PesterTest
{
    Invoke-Program pwsh '-NoProfile', '-File', "$PSScriptRoot/tests/pester/Invoke-Tests.ps1"
}

function Invoke-Benchmark
{
    Invoke-Build "$PSScriptRoot/src/GgufQuant.Cmdlets"
    Invoke-Program dotnet 'run', '--project', "$PSScriptRoot/tests/GgufQuant.Benchmarks", '--configuration', 'Release', '--', '--report', "$PSScriptRoot/docs/benchmarks.md"
}

# The manifest says what belongs to the package, beside this platform's engine; a missing file is an error.
function New-Package
{
    Invoke-Build "$PSScriptRoot/src/GgufQuant.Cmdlets"
    $module = Test-ModuleManifest $manifest
    $folder = [IO.Path]::Combine($PSScriptRoot, 'out', $module.Name, $module.Version)
    Remove-Folder $folder
    $engineFolders = @($native, $llamaSharp).Where{ [IO.Directory]::Exists($_) }
    $engineFiles = $engineFolders.ForEach{ [IO.Directory]::GetFiles($_, '*', 'AllDirectories') }
    foreach ($file in $module.FileList + $engineFiles)
    {
        $target = [IO.Path]::Combine($folder, [IO.Path]::GetRelativePath($PSScriptRoot, $file))
        $null = [IO.Directory]::CreateDirectory([IO.Path]::GetDirectoryName($target))
        [IO.File]::Copy($file, $target, $true)
    }

    $null = Test-ModuleManifest ([IO.Path]::Combine($folder, 'GgufQuant.psd1'))
    "The package is in '$folder'."
}

function New-GpuCheck
{
    $folder = "$PSScriptRoot/out/GpuCheck"
    Remove-Folder $folder
    Invoke-Program dotnet 'publish', "$PSScriptRoot/tests/GgufQuant.GpuCheck", '--configuration', 'Release', '--self-contained', '--use-current-runtime', '-p:PublishSingleFile=true', '-p:EnableCompressionInSingleFile=true', '-p:DebugType=none', '--output', $folder
    "Copy '$folder' to the machine and run GgufQuant.GpuCheck there, with a model's path if you like."
}

function Remove-BuildOutput
{
    Remove-Folder "$PSScriptRoot/out"
    Remove-Folder $native
    Remove-Folder $llamaSharp
    foreach ($name in [IO.Directory]::GetFiles("$PSScriptRoot/module"))
    {
        if ([IO.Path]::GetExtension($name) -in '.dll', '.pdb') { [IO.File]::Delete($name) }
    }

    foreach ($project in @('src', 'tests').ForEach{ [IO.Directory]::GetFiles("$PSScriptRoot/$_", '*.csproj', 'AllDirectories') })
    {
        $folder = [IO.Path]::GetDirectoryName($project)
        # The Shell cannot take away the program that it is.
        if ([AppContext]::BaseDirectory.StartsWith($folder + [IO.Path]::DirectorySeparatorChar)) { continue }
        Remove-Folder "$folder/bin"
        Remove-Folder "$folder/obj"
    }
}

switch ($Task)
{
    'Build'     { Invoke-Build }
    'Test'      { Invoke-Build; Invoke-Test }
    'Pester'    { Assert-PowerShell; New-Package; Invoke-PesterTest }
    'Benchmark' { Invoke-Benchmark }
    'Package'   { New-Package }
    'GpuCheck'  { New-GpuCheck }
    'Clean'     { Remove-BuildOutput }
}
