BeforeAll {
    $class = 'GgufQuant.Commands.MeasureGgufSpeedCommand'
}

Describe 'Measure-GgufSpeed' {
    BeforeAll {
        Push-Location (New-TestFolder)
        $made = ConvertTo-Quantized $Samples.Model Q8_0 -Destination .
        $rows = $made.Path, $Samples.Model | Measure-GgufSpeed -PromptToken 16 -GeneratedToken 4 -Repeat 3 -ThreadCount 1
        Copy-Patched $Samples.Model without.gguf -From tokenizer.ggml.model -To tokenizer.ggml.nodel
    }

    AfterAll { Pop-Location }

    It 'returns a row per file with both speeds' {
        $rows.Path | Should -Be $made.Path, $Samples.Model
        $rows.Type | Should -Be 'Q8_0', 'F16'
        foreach ($row in $rows) {
            $row.PromptToken, $row.GeneratedToken, $row.Repeat, $row.ThreadCount | Should -Be 16, 4, 3, 1
            $row.PromptTokensPerSecond | Should -BeGreaterThan 1
            $row.TokensPerSecond | Should -BeGreaterThan 1
            $row.PromptDeviation | Should -BeGreaterThan 0
            $row.Deviation | Should -BeGreaterThan 0
        }
    }

    It 'leaves out what is not asked for' {
        $row = Measure-GgufSpeed $made -PromptToken 0 -GeneratedToken 2 -Repeat 1 -ThreadCount 1
        $row.PromptTokensPerSecond | Should -BeNullOrEmpty
        $row.TokensPerSecond | Should -BeGreaterThan 0
        $row.Deviation | Should -Be 0
        { Measure-GgufSpeed $made -PromptToken 0 -GeneratedToken 0 } | Should -Throw -ErrorId "NothingToMeasure,$class"
    }

    It 'takes no more tokens than the model was trained with, and says so' {
        $row = Measure-GgufSpeed $made -GeneratedToken 0 -Repeat 1 -ThreadCount 1 -WarningVariable warnings -WarningAction SilentlyContinue
        $row.PromptToken | Should -Be 256
        $warnings.Message | Should -Be "'novels-6m-Q8_0.gguf' was trained with a context of 256 tokens, so no more are measured."
    }

    It 'passes over a model that cannot be run' {
        $row = Measure-GgufSpeed without.gguf, $made -PromptToken 4 -GeneratedToken 0 -Repeat 1 -ThreadCount 1 -ErrorVariable failures -ErrorAction SilentlyContinue
        $row.Path | Should -Be $made.Path
        $failures.FullyQualifiedErrorId | Should -Be "CannotRunModel,$class"
    }

    It 'shows the file and the speeds at a width of <_>' -ForEach 80, 120, 200 {
        $text = $rows | Format-Lines -Width $_
        $text -match '^ +Speed: 16 tokens of prompt, 4 generated; 3 runs, 1 thread$' | Should -HaveCount 1
        $text -match '^Q8_0 +novels-6m-Q8_0\.gguf +5\.92 MiB +\d+\.\d ± \d+\.\d +\d+\.\d ± \d+\.\d$' | Should -HaveCount 1
    }

    It 'shows its progress' {
        $progress = (Invoke-Streams "Measure-GgufSpeed '$($made.Path)' -PromptToken 0 -GeneratedToken 200 -Repeat 2 -ThreadCount 1").Progress |
            Where-Object Activity -EQ 'Measuring the speed of novels-6m-Q8_0.gguf'
        $progress | Where-Object StatusDescription -Match '^Generation, run \d of 2$' | Should -Not -BeNullOrEmpty
        $progress[-1].RecordType | Should -Be 'Completed'
    }

    It 'needs an engine' {
        $result = Invoke-PowerShell @"
            Import-Module '$(Copy-ModuleWithoutEngine)'
            try { Measure-GgufSpeed '$($made.Path)' } catch { `$_.FullyQualifiedErrorId, `$_.CategoryInfo.Category }
"@
        $result.Output -split '\r?\n' | Should -Be "EngineMissing,$class", 'NotInstalled'
    }
}
