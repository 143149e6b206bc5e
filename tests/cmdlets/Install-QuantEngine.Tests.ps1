BeforeAll {
    $folder = $env:GGUFQUANT_ENGINES
    $env:GGUFQUANT_ENGINES = Join-Path (New-TestFolder) engines
    $work = New-TestFolder
    $module = Get-QuantEngine Cpu
    $runtimes = Join-Path (Get-Module GgufQuant).ModuleBase module engine runtimes
    $platform = [IO.Path]::GetRelativePath($runtimes, $module.Path).Split([IO.Path]::DirectorySeparatorChar)[0]
    $version = $module.Version.Split(' ')[1]

    # A package of the module's own libraries.
    function New-EnginePackage([string] $Id = 'LLamaSharp.Backend.Cpu', [string] $Version = $version) {
        $source = New-TestFolder
        $natives = Join-Path $source LLamaSharpRuntimes $platform native
        Copy-Item (Join-Path $runtimes $platform) $natives -Recurse -Container
        Set-Content (Join-Path $source "$Id.nuspec") "<package><metadata><id>$Id</id><version>$Version</version></metadata></package>"
        $path = Join-Path $work "$Id.$Version.nupkg"
        Remove-Item $path -ErrorAction Ignore
        [IO.Compression.ZipFile]::CreateFromDirectory($source, $path)
        Remove-Item $source -Recurse
        $path
    }

    $package = New-EnginePackage
}

AfterAll {
    $env:GGUFQUANT_ENGINES = $folder
}

Describe 'Install-QuantEngine' {
    AfterEach {
        Remove-Item $env:GGUFQUANT_ENGINES -Recurse -Force -ErrorAction Ignore
    }

    It 'installs a package, and models run with it' {
        $engine = Install-QuantEngine $package -Confirm:$false
        $engine.Name | Should -Be Cpu
        $engine.IsAvailable | Should -BeTrue
        $engine.Path | Should -BeLike (Join-Path $env:GGUFQUANT_ENGINES "Cpu-$version*")
        Get-QuantEngine | Should -HaveCount 2
        $copy = Copy-Item $Samples.Model (Join-Path $work copy.gguf) -PassThru
        (Compare-GgufGeneration $copy -Reference $Samples.Model -Prompt 'It was' -MaxToken 2).AgreeingTokens | Should -Be 2
    }

    It 'adds an engine that -Engine names' {
        (Complete-Line 'Compare-GgufGeneration model.gguf -Engine ').CompletionText | Should -Be Cpu
        $null = Install-QuantEngine $package
        $copy = Copy-Item $Samples.Model (Join-Path $work copy.gguf) -PassThru
        (Compare-GgufGeneration $copy -Reference $Samples.Model -Prompt 'It was' -MaxToken 2 -Engine cpu).AgreeingTokens | Should -Be 2
        { Compare-GgufGeneration $copy -Reference $Samples.Model -Prompt 'It was' -Engine none } |
            Should -Throw "There is no engine 'none'. Available engines: 'Cpu'." -ErrorId 'EngineMissing,GgufQuant.Commands.CompareGgufGenerationCommand'
    }

    It 'takes a file from the pipeline' {
        (Get-Item $package | Install-QuantEngine).Name | Should -Be Cpu
    }

    It 'writes nothing with -WhatIf' {
        Install-QuantEngine $package -WhatIf | Should -BeNullOrEmpty
        Test-Path $env:GGUFQUANT_ENGINES | Should -BeFalse
    }

    It 'replaces an engine with -Force only' {
        $null = Install-QuantEngine $package
        Install-QuantEngine $package -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem.FullyQualifiedErrorId | Should -Be 'EngineExists,GgufQuant.Commands.InstallQuantEngineCommand'
        $problem.CategoryInfo.Category | Should -Be ResourceExists
        (Install-QuantEngine $package -Force).Name | Should -Be Cpu
    }

    It 'compares the hash' {
        $hash = (Get-FileHash $package).Hash
        Install-QuantEngine $package -Hash ('0' * 64) -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem.FullyQualifiedErrorId | Should -Be 'InvalidEnginePackage,GgufQuant.Commands.InstallQuantEngineCommand'
        $problem.Exception.Message | Should -BeLike "*$hash*"
        Test-Path $env:GGUFQUANT_ENGINES | Should -BeFalse
        (Install-QuantEngine $package -Hash $hash).Name | Should -Be Cpu
    }

    It 'does not run an engine whose files have changed' {
        $engine = Install-QuantEngine $package
        $library = Get-ChildItem $engine.Path -File | Select-Object -First 1
        Add-Content $library ' '
        $changed = Get-QuantEngine Cpu | Where-Object Path -eq $engine.Path
        $changed.IsAvailable | Should -BeFalse
        $changed.UnavailableReason | Should -BeLike "*$($library.Name)*has changed since it was installed*"
    }

    It 'rejects <Reason>' -ForEach @(
        @{ Reason = 'another version'; Id = 'LLamaSharp.Backend.Cpu'; Other = '0.1.0' }
        @{ Reason = 'another package'; Id = 'Newtonsoft.Json'; Other = '13.0.3' }
        @{ Reason = 'a package that lacks a library'; Id = 'LLamaSharp.Backend.Vulkan.Linux'; Other = $null }
    ) {
        $arguments = @{ Id = $Id }
        if ($Other) { $arguments.Version = $Other }
        $path = New-EnginePackage @arguments
        Install-QuantEngine $path -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem.FullyQualifiedErrorId | Should -Be 'InvalidEnginePackage,GgufQuant.Commands.InstallQuantEngineCommand'
        $problem.CategoryInfo.Category | Should -Be InvalidData
        $problem.TargetObject | Should -Be $path
        Test-Path $env:GGUFQUANT_ENGINES | Should -BeFalse
    }

    It 'rejects a file that is not a package, and one that does not exist' {
        Install-QuantEngine $Samples.HeldOut -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem.FullyQualifiedErrorId | Should -Be 'InvalidEnginePackage,GgufQuant.Commands.InstallQuantEngineCommand'
        Install-QuantEngine (Join-Path $work none.nupkg) -ErrorVariable problem -ErrorAction SilentlyContinue
        $problem.FullyQualifiedErrorId | Should -Be 'FileNotFound,GgufQuant.Commands.InstallQuantEngineCommand'
    }
}
