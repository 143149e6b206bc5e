BeforeAll {
    $class = 'GgufQuant.Commands.CompareQuantCommand'
}

Describe 'Compare-Quant' {
    BeforeAll {
        Push-Location (New-TestFolder)
        $made = Get-GgufInfo $Samples.Model | ConvertTo-Quantized -Type Q2_K, Q4_K_M, Q8_0 -Destination .
        $rows = $made | Compare-Quant
        Copy-Patched $Samples.Model renamed.gguf -From 'blk.0.attn_q.weight' -To 'xlk.0.attn_q.weight'
    }

    AfterAll {
        Pop-Location
    }

    Context 'and its reference' {
        It 'is the source of conversions' {
            $rows.Path | Should -Be @($Samples.Model; $made.Path)
            $rows.IsReference | Should -Be $true, $false, $false, $false
            $rows.Reference | Select-Object -Unique | Should -Be $Samples.Model
        }

        It 'is the most precise file where there is no source' {
            Copy-Item $Samples.Model whole.gguf
            $rows = Compare-Quant *_K*.gguf, whole.gguf
            $rows.Path | Split-Path -Leaf | Should -Be 'whole.gguf', 'novels-6m-Q2_K.gguf', 'novels-6m-Q4_K_M.gguf'
            $rows.Reference | Select-Object -Unique | Should -Be (Join-Path $PWD whole.gguf)
        }

        It 'may be named' {
            (Compare-Quant *Q2_K.gguf -Reference novels-6m-Q8_0.gguf).Type | Should -Be 'Q8_0', 'Q2_K'
        }

        It 'comes from the pipeline as the property <_>' -ForEach 'Source', 'Reference' {
            $pairs = foreach ($model in 'novels-6m-Q4_K_M.gguf', $Samples.Model) {
                [pscustomobject] @{ Path = 'novels-6m-Q2_K.gguf'; $_ = $model }
            }
            ($pairs | Compare-Quant).Type | Should -Be 'Q4_K_M', 'Q2_K', 'F16', 'Q2_K'
        }

        It 'is compared once if it is among the files' {
            (Compare-Quant $Samples.Model, novels-6m-Q2_K.gguf -Reference $Samples.Model).Type | Should -Be 'F16', 'Q2_K'
        }

        It 'appears in the verbose stream, with the reason' {
            $verbose = (Invoke-Streams 'Compare-Quant novels-6m-Q2_K.gguf, novels-6m-Q8_0.gguf -Verbose').Verbose
            $verbose | Should -Be "'$(Join-Path $PWD novels-6m-Q8_0.gguf)' is the reference: of 2 files, it has the most bits per weight, 8.51."
            (Invoke-Streams "Compare-Quant novels-6m-Q2_K.gguf -Reference '$($Samples.Model)' -Verbose").Verbose |
                Should -Be "'$($Samples.Model)' is the reference: -Reference names it."
            (Invoke-Streams '$made | Compare-Quant -Verbose' @{ made = $made }).Verbose |
                Should -Be "'$($Samples.Model)' is the reference: the files from the pipeline name it."
        }

        It 'is needed for one file alone' {
            $failure = Compare-Quant $Samples.Model -ErrorAction Continue 2>&1
            $failure.FullyQualifiedErrorId | Should -Be "NothingToCompare,$class"
            $failure.CategoryInfo.Category | Should -Be 'InvalidArgument'
            $failure.TargetObject | Should -Be $Samples.Model
            $failure.Exception.Message | Should -BeLike '*-Reference*'
        }

        It 'is what an error is about, if it is <Problem>' -ForEach @(
            @{ Problem = 'missing'; Name = 'none.gguf'; Id = 'FileNotFound' }
            @{ Problem = 'a folder'; Name = '.'; Id = 'PathIsFolder' }
            @{ Problem = 'no model'; Name = 'bad.gguf'; Id = 'InvalidGguf' }
        ) {
            Set-Content bad.gguf 'no model'
            $failure = Compare-Quant $Samples.Model -Reference $Name -ErrorAction Continue 2>&1
            $failure.FullyQualifiedErrorId | Should -Be "$Id,$class"
            $failure.TargetObject | Should -Be (Convert-Path . | Join-Path -ChildPath $Name | ForEach-Object { $_ -replace '[\\/]\.$' })
            Remove-Item bad.gguf
        }
    }

    Context 'on weights' {
        It 'orders types by error and by memory' {
            ($rows | Sort-Object RelativeRmsError).Type | Should -Be 'F16', 'Q8_0', 'Q4_K_M', 'Q2_K'
            ($rows | Sort-Object Memory).Type | Should -Be 'Q2_K', 'Q4_K_M', 'Q8_0', 'F16'
            ($rows | Sort-Object Size).Type | Should -Be 'Q2_K', 'Q4_K_M', 'Q8_0', 'F16'
        }

        It 'measures error and size against the reference' {
            $rows[3].RelativeRmsError | Should -BeGreaterThan 0.001
            $rows[3].RelativeRmsError | Should -BeLessThan 0.01
            $rows[1].RelativeSize | Should -Be ((Get-Item $made[0]).Length / (Get-Item $Samples.Model).Length)
            $rows[0].RelativeRmsError | Should -Be 0
            $rows[0].RelativeSize | Should -Be 1
            $rows[0].WorstTensor | Should -BeNullOrEmpty
        }

        It 'estimates memory for -ContextLength and -CacheType' {
            $memory = foreach ($type in 'F16', 'Q8_0') {
                (Compare-Quant *Q2_K.gguf -Reference $Samples.Model -ContextLength 4096 -CacheType $type)[1].Memory
            }
            $memory[0] | Should -BeGreaterThan $rows[1].Memory
            $memory[1] | Should -BeLessThan $memory[0]
        }

        It 'takes the shards of a split model for one' {
            $null = Split-Gguf novels-6m-Q2_K.gguf parts -MaxSize 1MB
            $compared = Compare-Quant parts/*.gguf -Reference $Samples.Model
            $compared.Path[1] | Split-Path -Leaf | Should -Be 'novels-6m-Q2_K-00001-of-00003.gguf'
            $compared | Should -HaveCount 2
            $compared[1].RelativeRmsError | Should -Be $rows[1].RelativeRmsError
        }

        It 'passes over a model with other tensors' {
            $compared = Compare-Quant renamed.gguf, novels-6m-Q2_K.gguf -Reference $Samples.Model -ErrorVariable failures -ErrorAction SilentlyContinue
            $compared.Type | Should -Be 'F16', 'Q2_K'
            $failures.FullyQualifiedErrorId | Should -Be "DifferentModels,$class"
            $failures.CategoryInfo.Category | Should -Be 'InvalidArgument'
            $failures.TargetObject | Should -Be (Join-Path $PWD renamed.gguf)
            $failures.Exception.Message | Should -BeLike '*blk.0.attn_q.weight*'
        }

        It 'is shown as a table' {
            $null = ConvertTo-Quantized $Samples.Model Q5_K_M, Q3_K_M -Destination .
            Compare-Quant *Q8_0.gguf, *Q5_K_M.gguf, *Q4_K_M.gguf, *Q3_K_M.gguf, *Q2_K.gguf -Reference $Samples.Model |
                Format-Lines | Assert-Golden QuantComparison
        }
    }

    Context 'on a text' {
        BeforeAll {
            $text = @{ Corpus = $Samples.HeldOut; Chunks = 2 }
            $measured = $made[0, 2] | Compare-Quant @text
        }

        It 'measures what is lost in predictions' {
            $measured.Type | Should -Be 'F16', 'Q2_K', 'Q8_0'
            $reference, $coarse, $fine = $measured
            $reference.Perplexity | Should -BeGreaterThan 20
            $reference.Perplexity | Should -BeLessThan 40
            $reference.KlDivergence, $reference.TopTokenMatch, $reference.RelativeQuality | Should -Be 0, 1, 1
            $fine.KlDivergence | Should -BeGreaterThan 1e-6
            $fine.KlDivergence | Should -BeLessThan 0.001
            $coarse.KlDivergence | Should -BeGreaterThan ($fine.KlDivergence * 10)
            $coarse.KlDivergence | Should -BeLessThan 1
            $coarse.TopTokenMatch | Should -BeLessThan $fine.TopTokenMatch
            $coarse.RelativeQuality | Should -BeLessThan $fine.RelativeQuality
        }

        It 'measures weights as well' {
            $measured[1].RelativeRmsError | Should -Be $rows[1].RelativeRmsError
        }

        It 'says on what text, and with what engine' {
            $measured.Corpus | Select-Object -Unique | Should -Be $Samples.HeldOut
            $measured.Engine | Select-Object -Unique | Should -BeLike '*llama*'
        }

        It 'is shown as a table' {
            $lines = $measured | Format-Lines
            $lines[2] | Should -Match 'KL div\. .*Perplexity'
            $lines[4] | Should -Match '^F16 .* \d\d\.\d+ ± \d'
        }

        It 'is shown as a list after objects of another kind' {
            $lines = $made[0], $measured[1] | Format-Lines
            $lines -match '^Perplexity +: \d' | Should -HaveCount 1
            $lines -match '^KlDivergence +: \d' | Should -HaveCount 1
        }

        It 'compares weights alone where the text is too short' {
            Set-Content short.txt 'It was a truth.'
            $compared = $made[0] | Compare-Quant -Corpus short.txt -ErrorVariable failures -ErrorAction SilentlyContinue
            $failures.FullyQualifiedErrorId | Should -Be "CorpusTooShort,$class"
            $failures.CategoryInfo.Category | Should -Be 'InvalidArgument'
            $failures.TargetObject | Should -Be $Samples.Model
            $compared.Type | Should -Be 'F16', 'Q2_K'
            $compared[1].PSObject.Properties.Name | Should -Not -Contain 'Perplexity'
            $compared[1].RelativeRmsError | Should -Be $rows[1].RelativeRmsError
        }

        It 'passes over models that cannot be run' {
            Copy-Patched $Samples.Model without.gguf -From tokenizer.ggml.model -To tokenizer.ggml.nodel
            Copy-Patched $Samples.Model other.gguf -From Prince -To Prinze
            Copy-Item $Samples.Model same.gguf
            $compared = Compare-Quant without.gguf, other.gguf, same.gguf -Reference $Samples.Model @text -ErrorVariable failures -ErrorAction SilentlyContinue
            $compared.Path | Should -Be $Samples.Model, (Join-Path $PWD same.gguf)
            $compared[1].KlDivergence | Should -BeLessThan 1e-9
            $failures.FullyQualifiedErrorId | Should -Be "CannotRunModel,$class", "DifferentVocabularies,$class"
            $failures.CategoryInfo.Category | Should -Be 'InvalidOperation', 'InvalidArgument'
            $failures.TargetObject | Should -Be (Join-Path $PWD without.gguf), (Join-Path $PWD other.gguf)
            $failures[0].Exception.Message | Should -BeLike '*has no vocabulary*'
        }

        It 'says once that the reference cannot be run, and compares weights' {
            $compared = Compare-Quant $Samples.Model -Reference without.gguf @text -Prompt 'It was' -ErrorVariable failures -ErrorAction SilentlyContinue
            $failures | Should -HaveCount 1
            $failures.Exception.Message | Should -BeLike '*has no vocabulary*'
            $failures.TargetObject | Should -Be (Join-Path $PWD without.gguf)
            $compared | Should -HaveCount 2
            $compared.Generations | Should -BeNullOrEmpty
        }

        It 'says once that the engine does not know an architecture, and compares weights' {
            foreach ($name in 'zebra', 'zebra2') { Copy-Patched $Samples.Model "$name.gguf" -From llama -To zebra }
            $compared = Compare-Quant zebra2.gguf -Reference zebra.gguf @text -ErrorVariable failures -ErrorAction SilentlyContinue
            $failures.FullyQualifiedErrorId | Should -Be "CannotRunModel,$class"
            $failures.Exception.Message | Should -BeLike "*unknown model architecture: 'zebra'*"
            $compared | Should -HaveCount 2
        }

        It 'keeps the logits of the reference in a file, and reads them again' {
            $first = $made[0] | Compare-Quant @text -LogitsFile kept.bin
            $written = (Get-Item kept.bin).LastWriteTimeUtc
            $second = $made[0] | Compare-Quant @text -LogitsFile kept.bin
            $second[1].KlDivergence | Should -Be $first[1].KlDivergence
            (Get-Item kept.bin).LastWriteTimeUtc | Should -Be $written
        }

        It 'does not read the logits of another text' {
            $compared = $made[0] | Compare-Quant -Corpus $Samples.Calibration -Chunks 2 -LogitsFile kept.bin -ErrorVariable failures -ErrorAction SilentlyContinue
            $failures.FullyQualifiedErrorId | Should -Be "InvalidLogits,$class"
            $compared | Should -HaveCount 2
        }

        It 'shows its progress' {
            $progress = (Invoke-Streams "Compare-Quant *Q8_0.gguf -Reference '$($Samples.Model)' -Corpus '$($Samples.HeldOut)' -Chunks 6 -Threads 1").Progress |
                Where-Object Activity -EQ 'Evaluating novels-6m-Q8_0.gguf'
            $chunks = $progress | Where-Object StatusDescription -Match '^Chunk \d+ of 6, perplexity \d+\.\d\d$'
            $chunks | Should -Not -BeNullOrEmpty
            $progress[-1].RecordType | Should -Be 'Completed'
        }
    }

    Context 'with -Prompt' {
        BeforeAll {
            $prompted = $made[0, 2] | Compare-Quant -Prompt 'It was', 'She said'
        }

        It 'has each model continue each prompt' {
            $prompted.ForEach{ $_.Generations.Count } | Should -Be 2, 2, 2
            $prompted[0].Generations.IsIdentical | Should -Be $true, $true
            $prompted[1].Generations.Prompt | Should -Be 'It was', 'She said'
            $prompted[0].Generations[0].Candidate.Text | Should -Be $prompted[1].Generations[0].Reference.Text
        }

        It 'shows the first continuation in its table' {
            $lines = $prompted | Format-Lines
            $lines -match 'Same tokens Continuation' | Should -HaveCount 1
            $lines -match '^F16 .* - +\w' | Should -HaveCount 1
            $lines -match '^Q2_K .* \d+ of 128 \S' | Should -HaveCount 1
        }

        It 'writes it into reports' {
            $null = $made[0] | Compare-Quant -Prompt 'It was' -Corpus $Samples.HeldOut -Chunks 2 | Export-QuantReport r.md
            Get-Content r.md -Raw | Should -Match '(?s)Perplexity.*> It was.*\| Q2_K \| \d+ \|'
        }
    }

    Context 'without an engine' {
        It 'compares weights alone' {
            $module = Copy-ModuleWithoutEngine
            $result = Invoke-PowerShell @"
                Import-Module '$module'
                `$rows = Compare-Quant novels-6m-Q2_K.gguf -Reference '$($Samples.Model)' -Corpus '$($Samples.HeldOut)' -ErrorVariable failures -ErrorAction SilentlyContinue
                `$rows.Count; `$failures.FullyQualifiedErrorId; `$failures.CategoryInfo.Category
"@
            $result.Output -split '\r?\n' | Should -Be 2, "EngineMissing,$class", 'NotInstalled'
        }
    }

    Context 'with -Detailed' {
        BeforeAll {
            $tensors = $made[1] | Compare-Quant -Detailed
        }

        It 'returns one row per tensor' {
            $tensors | Should -HaveCount 57
            $tensors.Path | Select-Object -Unique | Should -Be $made[1].Path
            ($tensors | Where-Object Name -EQ output_norm.weight).RelativeRmsError | Should -Be 0
            $output = $tensors | Where-Object Name -EQ output.weight
            $output.RelativeRmsError | Should -BeGreaterThan 0.005
            $output.RelativeRmsError | Should -BeLessThan 0.05
            $output.Type, $output.ReferenceType | Should -Be 'Q6_K', 'F16'
        }

        It 'is shown as a table' {
            $tensors | Where-Object Name -Match 'blk.0|output' | Format-Lines | Assert-Golden TensorComparison
        }

        It 'measures weights alone, without -<Name>' -ForEach @(
            @{ Name = 'Corpus'; Value = 'none.txt' }
            @{ Name = 'Prompt'; Value = 'It was' }
        ) {
            $more = @{ $Name = $Value }
            { Compare-Quant *.gguf -Reference $Samples.Model -Detailed @more } |
                Should -Throw -ErrorId "ParametersExclusive,$class" -ExpectedMessage "*-Detailed and -$Name*"
        }
    }

    Context 'and its parameters' {
        It 'rejects -<Name> <Value>' -ForEach @(
            @{ Name = 'Chunks'; Value = 2; Id = 'NoCorpus' }
            @{ Name = 'LogitsFile'; Value = 'kept.bin'; Id = 'NoCorpus' }
            @{ Name = 'SkipChunks'; Value = 1; Id = 'NoCorpus' }
            @{ Name = 'Part'; Value = $true; Id = 'NoCorpus' }
            @{ Name = 'PredictionOnly'; Value = $true; Id = 'NoCorpus' }
            @{ Name = 'Corpus'; Value = 'none.txt'; Id = 'FileNotFound' }
            @{ Name = 'Chunks'; Value = 0; Id = 'ParameterArgumentValidationError' }
            @{ Name = 'Threads'; Value = 0; Id = 'ParameterArgumentValidationError' }
            @{ Name = 'ContextLength'; Value = 3; Id = 'ParameterArgumentValidationError' }
            @{ Name = 'CacheType'; Value = 'Q2_K'; Id = 'CannotConvertArgumentNoMessage' }
        ) {
            $more = @{ $Name = $Value }
            { Compare-Quant *.gguf -Reference $Samples.Model @more } | Should -Throw -ErrorId "$Id,$class"
        }

        It 'completes types of the cache' {
            (Complete-Line 'Compare-Quant *.gguf -CacheType Q4').CompletionText | Should -Be 'Q4_0', 'Q4_1'
        }
    }

    Context 'on large models' {
        BeforeAll {
            foreach ($name in 'large', 'large2') { $null = New-TestGguf "$name.gguf" -Tensor ([ordered] @{ a = 512MB / 4 }) -Sparse }
            foreach ($name in 'huge', 'huge2') { $null = New-TestGguf "$name.gguf" -Tensor ([ordered] @{ a = 256GB / 4 }) -Sparse }
        }

        It 'shows its progress' {
            $progress = (Invoke-Streams 'Compare-Quant large.gguf -Reference large2.gguf').Progress
            $progress[0].Activity | Should -Be 'Comparing large.gguf with large2.gguf'
            $progress[0].StatusDescription | Should -Be 'a'
            $progress[-1].RecordType | Should -Be 'Completed'
        }

        It 'ends at once on Ctrl+C' -Skip:$IsWindows {
            $result = Invoke-Interrupted 'Import-Module GgufQuant; New-Item started; Compare-Quant huge.gguf -Reference huge2.gguf' -When { Test-Path started }
            $result.Duration.TotalSeconds | Should -BeLessThan 5
        }
    }

    Context 'with -TaskData' {
        BeforeAll {
            $asked = Join-Path (New-TestFolder) asked.txt
            Get-Content (Join-Path $Samples.Root samples continuations.txt) -TotalCount 120 | Set-Content $asked
            $file = ConvertTo-Quantized $Samples.Model Q2_K -Destination (Split-Path $asked)
            $rows = $file | Compare-Quant -TaskData $asked -ThreadCount 1
        }

        It 'adds the accuracy, and the answers lost and gained' {
            $rows[0].Lost, $rows[0].Gained | Should -Be $null, $null
            $rows[0].Accuracy | Should -BeGreaterThan 0
            $rows[1].Accuracy | Should -Be ((20 * $rows[0].Accuracy - $rows[1].Lost + $rows[1].Gained) / 20)
        }

        It 'answers as Measure-GgufTask does' {
            $measured = $file | Measure-GgufTask -DataPath $asked -ThreadCount 1
            $measured.Accuracy | Should -Be $rows.Accuracy
            $measured.Lost | Should -Be $rows.Lost
        }

        It 'shows them at a width of <_>' -ForEach 80, 120, 200 {
            $text = $rows | Format-Lines -Width $_
            $text -match '^Type +File +Size Accuracy +Lost Gained +Error' | Should -HaveCount 1
            $text -match '^Q2_K +novels-6m-Q2_K\.gguf +2\.30 MiB +\d+\.\d% +\d+ +\d+ +19\.0%' | Should -HaveCount 1
        }

        It 'is kept by other sessions and shown by Export-QuantReport' {
            $back = [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize($rows))
            $null = $back | Export-QuantReport (Join-Path (Split-Path $asked) r.md)
            $text = Get-Content (Join-Path (Split-Path $asked) r.md) -Raw
            $text | Should -BeLike "*| Accuracy | Lost | Gained |*"
            $text | Should -BeLike "*| $('{0:0.0}' -f (100 * $rows[1].Accuracy))% | $($rows[1].Lost) | $($rows[1].Gained) |*"
        }

        It 'says which line of the file is wrong' {
            Set-Content $asked 'A', '7'
            { $file | Compare-Quant -TaskData $asked -ErrorAction Stop } | Should -Throw -ErrorId 'InvalidTaskData,GgufQuant.Commands.CompareQuantCommand'
        }
    }

    Context 'with -Speed' {
        BeforeAll {
            $folder = New-TestFolder
            $rows = ConvertTo-Quantized $Samples.Model Q4_K_M -Destination $folder | Compare-Quant -Speed
        }

        It 'adds how many tokens per second are read and generated' {
            $rows | Should -HaveCount 2
            foreach ($row in $rows) {
                $row.PromptTokensPerSecond | Should -BeGreaterThan 0
                $row.TokensPerSecond | Should -BeGreaterThan 0
                $row.Deviation | Should -BeGreaterOrEqual 0
            }
            ($rows[1].Path | Compare-Quant -Reference $Samples.Model)[1].TokensPerSecond | Should -BeNullOrEmpty
        }

        It 'shows them at a width of <_>' -ForEach 80, 120, 200 {
            $text = $rows | Format-Lines -Width $_
            $text -match '^Type +File +Size +Prompt t/s +Generated t/s +Error' | Should -HaveCount 1
            $text -match '^Q4_K_M +novels-6m-Q4_K_M\.gguf +3\.41 MiB +\d+\.\d +\d+\.\d +4\.94%' | Should -HaveCount 1
        }

        It 'is kept by other sessions and shown by Export-QuantReport with the memory' {
            $back = [Management.Automation.PSSerializer]::Deserialize([Management.Automation.PSSerializer]::Serialize($rows))
            $back.TokensPerSecond | Should -Be $rows.TokensPerSecond
            ($back | Format-Lines) | Should -Be ($rows | Format-Lines)
            $null = $back | Export-QuantReport (Join-Path $folder r.md)
            Get-Content (Join-Path $folder r.md) -Raw | Should -BeLike '*| Memory |*| Prompt tokens/s | Generated tokens/s |*| 7.54 MiB |*'
        }

        It 'cannot list tensors' {
            { Compare-Quant $rows[1].Path -Reference $Samples.Model -Speed -Detailed } | Should -Throw -ErrorId 'ParametersExclusive*'
        }
    }
}
