<#
.SYNOPSIS
Builds, tests, demonstrates and packages GgufQuant.

.DESCRIPTION
Build      Compiles everything and stages the module, so that Import-Module ./GgufQuant.psd1 works in this checkout.
Demo       Builds the module and runs samples/demo.ps1: quantizes the sample model and compares the results.
Test       Builds the package and runs every test, xUnit and Pester.
Pester     Builds the package and runs only the Pester tests.
Package    Creates the installable module in out/GgufQuant/<version>, with the native libraries of every platform.
Benchmark  Compares the speed of kernels and whole files with llama.cpp, and writes docs/benchmarks.md. Leave the machine idle.
GpuCheck   Publishes a program to out/GpuCheck that verifies and measures every GPU kernel on a machine without .NET.
Clean      Removes what the other tasks produced.

.EXAMPLE
./build.ps1 Demo

.EXAMPLE
dotnet tool exec powershell --yes -- build.ps1 Test

Works without PowerShell: the .NET SDK downloads the version that .config/dotnet-tools.json pins.
#>
#Requires -Version 7.6
[CmdletBinding()]
param(
    [Parameter(Position = 0)]
    [ValidateSet('Build', 'Demo', 'Test', 'Pester', 'Package', 'Benchmark', 'GpuCheck', 'Clean')]
    [string] $Task = 'Build',

    [ValidateSet('Debug', 'Release')]
    [string] $Configuration = 'Release',

    # LLamaSharp's backend that runs models: the processor alone, or also a GPU.
    [ValidateSet('Cpu', 'Cuda12', 'Vulkan')]
    [string] $Backend = 'Cpu',

    # Pester's tests to run, by file name: 'Get-GgufInfo', 'Compare-*'.
    [SupportsWildcards()]
    [string] $Filter = '*',

    # The project page for the package's manifest, for publishing to a gallery.
    [ValidateScript({ $_.IsAbsoluteUri }, ErrorMessage = "'{0}' is not an absolute address.")]
    [uri] $ProjectUri
)

$ErrorActionPreference = 'Stop'
$env:POWERSHELL_TELEMETRY_OPTOUT = 1
# Invoke-XUnit reads the summary of 'dotnet test'.
$env:DOTNET_CLI_UI_LANGUAGE = 'en'
$solution = Join-Path $PSScriptRoot GgufQuant.sln
$manifest = Join-Path $PSScriptRoot GgufQuant.psd1
$output = Join-Path $PSScriptRoot out
$cmdletProject = Join-Path $PSScriptRoot src GgufQuant.Cmdlets
$cmdletTests = Join-Path $PSScriptRoot tests cmdlets
$packagedFiles = @(
    'CHANGELOG.md'
    'GgufQuant.psd1'
    'LICENSE'
    'README.md'
    'THIRD-PARTY-NOTICES.md'
    'module/GgufQuant.Cmdlets.dll'
    'module/GgufQuant.Format.ps1xml'
    'module/GgufQuant.Gpu.dll'
    'module/GgufQuant.Evaluation.dll'
    'module/GgufQuant.Types.ps1xml'
    'module/GgufQuant.dll'
    'module/en-US/GgufQuant.Cmdlets.dll-Help.xml'
    'module/en-US/about_GgufQuant.help.txt'
    'module/en-US/about_GgufQuant_Types.help.txt'
)

function Invoke-DotNet {
    dotnet @args | Out-Host
    if ($LASTEXITCODE -ne 0) { throw "'dotnet $args' failed with exit code $LASTEXITCODE." }
}

# In a separate process, so that this one never loads the module that the next build replaces.
function Invoke-PowerShell {
    $program = [Environment]::ProcessPath
    $arguments = @('-NoProfile', '-NonInteractive', '-File') + $args
    if ((Split-Path $program -LeafBase) -eq 'dotnet') { $arguments = @(Join-Path $PSHOME pwsh.dll) + $arguments }
    & $program @arguments
}

function Remove-Folder([string] $Path) {
    if (Test-Path -LiteralPath $Path) { Remove-Item -LiteralPath $Path -Recurse -Force }
}

# Windows marks files from a downloaded ZIP, and PowerShell then asks for a signature of scripts, manifests and views.
function Unblock-Checkout {
    Get-ChildItem $PSScriptRoot -Recurse -File -Include *.ps1, *.psd1, *.psm1, *.ps1xml | Unblock-File
}

function Invoke-Build([string] $Project = $solution, [string[]] $Property = @()) {
    # Assemblies that a PowerShell had mapped when they were replaced; those still mapped stay.
    Remove-Item (Join-Path $cmdletProject obj replaced) -Recurse -Force -ErrorAction Ignore
    Invoke-DotNet build $Project --configuration $Configuration "-p:Backend=$Backend" @Property
}

# The generator loads the freshly built module.
function New-Help {
    Invoke-PowerShell (Join-Path $PSScriptRoot docs New-ModuleHelp.ps1) -ManifestPath $manifest -Destination (Join-Path $PSScriptRoot module en-US)
    if ($LASTEXITCODE -ne 0) { throw 'The help could not be generated.' }
}

# A missing file is an error.
function New-Package {
    # Without machine code, which is for one platform and refused by the others.
    Invoke-Build $cmdletProject -Property '-p:AllPlatforms=true', '-p:PublishReadyToRun=false'
    New-Help
    $module = Test-ModuleManifest $manifest
    $folder = Join-Path $output $module.Name $module.Version
    Remove-Folder $folder
    $engine = Join-Path $PSScriptRoot module engine
    $files = $packagedFiles.ForEach{ Join-Path $PSScriptRoot $_ }
    if (Test-Path $engine) { $files += (Get-ChildItem $engine -File -Recurse).FullName }
    foreach ($file in $files) {
        $target = Join-Path $folder ([IO.Path]::GetRelativePath($PSScriptRoot, $file))
        $null = New-Item (Split-Path $target) -ItemType Directory -Force
        Copy-Item -LiteralPath $file -Destination $target
    }

    $packaged = Join-Path $folder GgufQuant.psd1
    if ($ProjectUri) {
        (Get-Content $packaged -Raw) -replace '(?m)^( *)LicenseUri .*$', "`$0`n`$1ProjectUri   = '$($ProjectUri.AbsoluteUri.Replace("'", '%27'))'" |
            Set-Content $packaged -NoNewline
    }
    if ((Test-ModuleManifest $packaged).ProjectUri -ne $ProjectUri) { throw "'$packaged' does not name '$ProjectUri' as the project page." }
    Write-Host "The package is in '$folder'."
}

function Invoke-Demo {
    Invoke-Build $cmdletProject
    New-Help
    Invoke-PowerShell (Join-Path $PSScriptRoot samples demo.ps1)
    if ($LASTEXITCODE -ne 0) { throw "The demo failed with exit code $LASTEXITCODE." }
}

# The counts in the runner's summary, and the failed tests with their messages.
function Invoke-XUnit {
    $log = New-TemporaryFile
    try {
        dotnet test --solution $solution --configuration $Configuration --no-build | Tee-Object $log | Out-Host
        $exitCode = $LASTEXITCODE
        $counts = @{}
        foreach ($name in 'succeeded', 'failed', 'skipped') {
            $line = Select-String "^\s*${name}:\s*(\d+)" $log | Select-Object -Last 1
            if (-not $line) { throw "'dotnet test' printed no summary." }
            $counts[$name] = [int] $line.Matches[0].Groups[1].Value
        }

        $failures = (Select-String '^failed ' $log -Context 0, 8).ForEach{ $_.Line; $_.Context.PostContext }
        [pscustomobject] @{ Runner = 'xUnit'; Passed = $counts.succeeded; Failed = $counts.failed; Skipped = $counts.skipped; Failures = $failures; ExitCode = $exitCode }
    }
    finally {
        Remove-Item $log
    }
}

function Invoke-PesterTest {
    Invoke-DotNet build (Join-Path $cmdletTests Pester.proj) --verbosity quiet
    $result = New-TemporaryFile
    try {
        # One argument, because PowerShell expands a program's arguments with wildcards to the names of files.
        $arguments = @('-ResultPath', $result.FullName, "-Filter:$Filter")
        Invoke-PowerShell (Join-Path $cmdletTests Invoke-Tests.ps1) @arguments | Out-Host
        $exitCode = $LASTEXITCODE
        $counts = Get-Content $result -Raw | ConvertFrom-Json
        if (-not $counts) { throw "Pester ended with exit code $exitCode and without a result." }
        [pscustomobject] @{ Runner = 'Pester'; Passed = $counts.Passed; Failed = $counts.Failed; Skipped = $counts.Skipped; Failures = $counts.Failures; ExitCode = $exitCode }
    }
    finally {
        Remove-Item $result
    }
}

# Failed tests are repeated at the end, where they are seen without searching the log.
function Assert-Passed([object[]] $Run) {
    $Run.Failures.ForEach{ Write-Host $_ }
    foreach ($item in $Run) {
        Write-Host ('{0,-7} {1} passed, {2} failed, {3} skipped' -f "$($item.Runner):", $item.Passed, $item.Failed, $item.Skipped)
    }

    # A runner can fail without a failed test: after a crash, or if a file does not parse.
    $failed = $Run.ForEach{ if ($_.ExitCode -ne 0) { [Math]::Max(1, $_.Failed) } else { $_.Failed } }
    $sum = @{}
    foreach ($name in 'Passed', 'Skipped') { $sum[$name] = ($Run | Measure-Object $name -Sum).Sum }
    $failures = ($failed | Measure-Object -Sum).Sum
    Write-Host "$($sum.Passed) passed, $failures failed, $($sum.Skipped) skipped"
    if ($failures -gt 0) { exit 1 }
}

function Invoke-Benchmark {
    Invoke-Build $cmdletProject
    $report = Join-Path $PSScriptRoot docs benchmarks.md
    Invoke-DotNet run --project (Join-Path $PSScriptRoot tests GgufQuant.Benchmarks) --configuration Release -- --report $report
    $engine = Invoke-PowerShell (Join-Path $PSScriptRoot tests GgufQuant.Benchmarks Measure-Engine.ps1)
    if ($LASTEXITCODE -ne 0) { throw 'The engine could not be measured.' }
    Add-Content $report '', '## The engine process', '', $engine
}

function New-GpuCheck {
    $folder = Join-Path $output GpuCheck
    Remove-Folder $folder
    Invoke-DotNet publish (Join-Path $PSScriptRoot tests GgufQuant.GpuCheck) --configuration Release --self-contained `
        --use-current-runtime '-p:PublishSingleFile=true' '-p:EnableCompressionInSingleFile=true' '-p:DebugType=none' --output $folder
    Write-Host "Copy '$folder' to the machine and run GgufQuant.GpuCheck there, optionally with a model's path."
}

function Remove-BuildOutput {
    Remove-Folder $output
    Remove-Folder (Join-Path $PSScriptRoot module engine)
    Remove-Folder (Join-Path $PSScriptRoot module en-US)
    Remove-Item (Join-Path $PSScriptRoot module *) -Include *.dll, *.pdb
    Get-ChildItem (Join-Path $PSScriptRoot src), (Join-Path $PSScriptRoot tests) -Recurse -Include *.csproj, *.proj |
        ForEach-Object { Join-Path $_.DirectoryName bin; Join-Path $_.DirectoryName obj } |
        ForEach-Object { Remove-Folder $_ }
}

if ($IsWindows) { Unblock-Checkout }

switch ($Task) {
    'Build'     { Invoke-Build; New-Help }
    'Demo'      { Invoke-Demo }
    'Test'      { Invoke-Build; New-Package; Assert-Passed (Invoke-XUnit), (Invoke-PesterTest) }
    'Pester'    { New-Package; Assert-Passed (Invoke-PesterTest) }
    'Package'   { New-Package }
    'Benchmark' { Invoke-Benchmark }
    'GpuCheck'  { New-GpuCheck }
    'Clean'     { Remove-BuildOutput }
}
