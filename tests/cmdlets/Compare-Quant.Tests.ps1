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
        It 'refuses -<Name> <Value>' -ForEach @(
            @{ Name = 'Chunks'; Value = 2; Id = 'NoCorpus' }
            @{ Name = 'LogitsFile'; Value = 'kept.bin'; Id = 'NoCorpus' }
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

        It 'ends at once on Ctrl+C' {
            $result = Invoke-Interrupted 'Import-Module GgufQuant; New-Item started; Compare-Quant huge.gguf -Reference huge2.gguf' -When { Test-Path started }
            $result.Duration.TotalSeconds | Should -BeLessThan 5
        }
    }
}
