BeforeAll {
    $folder = $env:GGUFQUANT_ENGINES
    $env:GGUFQUANT_ENGINES = New-TestFolder
}

AfterAll {
    $env:GGUFQUANT_ENGINES = $folder
}

Describe 'Get-QuantEngine' {
    It 'lists the engine that comes with the module' {
        $engine = Get-QuantEngine
        $engine | Should -HaveCount 1
        $engine.Name | Should -Be Cpu
        $engine.Version | Should -Match '^LLamaSharp \d+\.\d+\.\d+ \(llama\.cpp [0-9a-f]{9}\)$'
        $engine.Backend | Should -Be LLamaSharp.Backend.Cpu
        $engine.IsAvailable | Should -BeTrue
        $engine.UnavailableReason | Should -BeNullOrEmpty
        $engine.Path | Should -BeLike (Join-Path $Samples.Root out GgufQuant * module engine runtimes *)
    }

    It 'takes names and wildcards' {
        (Get-QuantEngine cpu).Name | Should -Be Cpu
        (Get-QuantEngine C*, none*).Name | Should -Be Cpu
    }

    It 'writes an error for a name that no engine has' {
        Get-QuantEngine none -ErrorVariable problem -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $problem.FullyQualifiedErrorId | Should -Be 'EngineNotFound,GgufQuant.Commands.GetQuantEngineCommand'
        $problem.CategoryInfo.Category | Should -Be ObjectNotFound
    }

    It 'lists an engine whose manifest is damaged, and says so' {
        $broken = New-Item (Join-Path $env:GGUFQUANT_ENGINES Broken-1) -ItemType Directory
        Set-Content (Join-Path $broken engine.json) '{ "Name": '
        $engine = Get-QuantEngine Broken*
        $engine.IsAvailable | Should -BeFalse
        $engine.UnavailableReason | Should -BeLike '*is damaged: install the engine again.'
        Remove-Item $broken -Recurse
    }

    It 'completes names' {
        (Complete-Line 'Get-QuantEngine ').CompletionText | Should -Contain Cpu
    }

    It 'shows engines as a table' {
        Get-QuantEngine | Format-Lines | Select-Object -First 3 | Should -Match '^(Engine|-+|Cpu) '
    }
}
