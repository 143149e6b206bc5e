BeforeAll {
    $class = 'GgufQuant.Commands.CompareGgufGenerationCommand'
}

Describe 'Compare-GgufGeneration' {
    BeforeAll {
        Push-Location (New-TestFolder)
        $made = ConvertTo-Quantized $Samples.Model Q8_0 -Destination .
        $tests = $made | Compare-GgufGeneration -Prompt 'It was', 'She said' -MaxToken 12
        Copy-Item $Samples.Model same.gguf
        Copy-Patched $Samples.Model without.gguf -From tokenizer.ggml.model -To tokenizer.ggml.nodel
    }

    AfterAll {
        Pop-Location
    }

    It 'returns one row per model and prompt' {
        $tests.Prompt | Should -Be 'It was', 'She said'
        $tests.Path | Select-Object -Unique | Should -Be $made.Path
        $tests.Reference | Select-Object -Unique | Should -Be $Samples.Model
        $tests.Type | Select-Object -Unique | Should -Be 'Q8_0'
    }

    It 'has the model and its reference continue the prompt' {
        $tests[0].Text | Should -Not -BeNullOrEmpty
        $tests[0].ReferenceText | Should -Not -BeNullOrEmpty
        $tests[0].Tokens | Should -Be 12
        $tests[0].AgreeingTokens | Should -BeIn (1..12)
        $tests[0].TokensPerSecond | Should -BeGreaterThan 0
        $tests[0].PromptTokensPerSecond | Should -BeGreaterThan 0
    }

    It 'takes the prompts of objects from the pipeline' {
        $rows = 'Path,Prompt', 'same.gguf,It was', 'novels-6m-Q8_0.gguf,It was', 'same.gguf,She said' | ConvertFrom-Csv
        $rows | Compare-GgufGeneration -Reference $Samples.Model -MaxToken 2 | ForEach-Object { "$(Split-Path $_.Path -Leaf) $($_.Prompt)" } |
            Should -Be 'same.gguf It was', 'novels-6m-Q8_0.gguf It was', 'same.gguf She said'
        $rows[0, 1] | Compare-GgufGeneration -MaxToken 2 | ForEach-Object { "$(Split-Path $_.Path -Leaf) $($_.Prompt)" } | Should -Be 'novels-6m-Q8_0.gguf It was'
        ($tests | Compare-GgufGeneration -MaxToken 3).Prompt | Should -Be $tests.Prompt
    }

    It 'finds the same text for the same model' {
        $test = Compare-GgufGeneration same.gguf 'It was' -Reference $Samples.Model -MaxToken 5
        $test.IsIdentical | Should -BeTrue
        $test.AgreeingTokens, $test.Tokens | Should -Be 5, 5
        $test.Text | Should -Be $test.ReferenceText
    }

    It 'takes the most precise file for the reference where there is no source' {
        $test = Compare-GgufGeneration novels-6m-Q8_0.gguf, same.gguf 'It was' -MaxToken 2
        $test.Path, $test.Reference | Split-Path -Leaf | Should -Be 'novels-6m-Q8_0.gguf', 'same.gguf'
    }

    It 'needs a reference for one file alone' {
        $failure = Compare-GgufGeneration same.gguf 'It was' -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "NothingToCompare,$class"
        $failure.CategoryInfo.Category | Should -Be 'InvalidArgument'
    }

    It 'passes over a model that cannot be run' {
        $test = Compare-GgufGeneration without.gguf, same.gguf 'It was' -Reference $Samples.Model -MaxToken 2 -ErrorVariable failures -ErrorAction SilentlyContinue
        $test.Path | Should -Be (Join-Path $PWD same.gguf)
        $failures.FullyQualifiedErrorId | Should -Be "CannotRunModel,$class"
        $failures.CategoryInfo.Category | Should -Be 'InvalidOperation'
        $failures.TargetObject | Should -Be (Join-Path $PWD without.gguf)
        $failures.Exception.Message | Should -BeLike '*has no vocabulary*'
    }

    It 'rejects -<Name> <Value>' -ForEach @(
        @{ Name = 'MaxToken'; Value = 0 }
        @{ Name = 'Threads'; Value = 0 }
        @{ Name = 'Prompt'; Value = '' }
    ) {
        $arguments = @{ Prompt = 'It was'; Reference = $Samples.Model }
        $arguments[$Name] = $Value
        { Compare-GgufGeneration same.gguf @arguments } | Should -Throw -ErrorId "ParameterArgumentValidationError,$class"
    }

    It 'is shown with the prompt and both texts' {
        $text = $tests[0] | Format-Lines
        $text -join "`n" | Should -BeLike "*It was*$($tests[0].ReferenceText.Trim().Split(' ')[0])*$($tests[0].Text.Trim().Split(' ')[0])*"
    }

    It 'needs an engine' {
        $result = Invoke-PowerShell @"
            Import-Module '$(Copy-ModuleWithoutEngine)'
            try { Compare-GgufGeneration same.gguf 'It was' -Reference '$($Samples.Model)' } catch { `$_.FullyQualifiedErrorId, `$_.CategoryInfo.Category }
"@
        $result.Output -split '\r?\n' | Should -Be "EngineMissing,$class", 'NotInstalled'
    }

    It 'shows its progress' {
        $progress = (Invoke-Streams "Compare-GgufGeneration same.gguf (@('It was') * 20) -Reference '$($Samples.Model)' -MaxToken 200 -Threads 1").Progress |
            Where-Object Activity -EQ 'Generating with same.gguf'
        $progress | Where-Object StatusDescription -Match '^Prompt \d+ of 20, token \d+ of 200$' | Should -Not -BeNullOrEmpty
        $progress[-1].RecordType | Should -Be 'Completed'
    }

    It 'ends at once on Ctrl+C' -Skip:$IsWindows {
        $command = "Import-Module GgufQuant; New-Item started; Compare-GgufGeneration same.gguf (@('It was') * 1000) -Reference '$($Samples.Model)'"
        $result = Invoke-Interrupted $command -When { Test-Path started }
        $result.Duration.TotalSeconds | Should -BeLessThan 5
        $result.Output | Should -Not -BeLike '*It was*'
    }
}
