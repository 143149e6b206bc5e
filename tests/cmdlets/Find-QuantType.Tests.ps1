Describe 'Find-QuantType' {
    BeforeAll { Push-Location $TestDrive }
    AfterAll { Pop-Location }

    Context 'Fits' {
        BeforeAll { $fits = Find-QuantType $Samples.Model -Memory 9152KB }

        It 'lists what fits with what stays free' {
            foreach ($fit in $fits) { $fit.Memory + $fit.Margin | Should -Be 9152KB }
            $fits.Margin | Where-Object { $_ -lt 0 } | Should -BeNullOrEmpty
        }

        It 'recommends one type' {
            ($fits | Where-Object IsRecommended).Type | Should -Be Q4_K_M
        }

        It 'considers types that need an importance matrix only with -WithImportanceMatrix' {
            $fits | Where-Object Imatrix -eq Required | Should -BeNullOrEmpty
            (Find-QuantType $Samples.Model 9152KB -WithImportanceMatrix).Type | Should -Contain IQ2_M
        }

        It 'counts the context and the cache that were asked for' {
            $large = Find-QuantType $Samples.Model 20MB -ContextLength 1024 | Where-Object Type -eq Q4_0
            $small = Find-QuantType $Samples.Model 20MB -ContextLength 1024 -CacheType Q8_0 | Where-Object Type -eq Q4_0
            $large.MemoryEstimate.ContextLength | Should -Be 1024
            $small.MemoryEstimate.CacheSize / $large.MemoryEstimate.CacheSize | Should -Be (34 / 64)
            $small.Margin | Should -BeGreaterThan $large.Margin
        }

        It 'says of which model each line is' {
            Copy-Item $Samples.Model 'b [1].gguf'
            $fits = Get-Item $Samples.Model, '*b*.gguf' | Find-QuantType -Memory 9152KB
            $fits.Path | Select-Object -Unique | Should -Be $Samples.Model, (Join-Path $TestDrive 'b [1].gguf')
            ($fits | Where-Object IsRecommended).Type | Should -Be Q4_K_M, Q4_K_M
        }

        It 'pipes into ConvertTo-Quantized' {
            $made = Find-QuantType $Samples.Model -Memory 9152KB | Where-Object IsRecommended | ConvertTo-Quantized -Destination (New-TestFolder)
            $made.Type | Should -Be Q4_K_M
        }

        It 'gives types that ConvertTo-Quantized takes' {
            $type = $fits | Where-Object IsRecommended
            (Get-QuantPlan $Samples.Model -Type $type).Type | Should -Be Q4_K_M
            (Get-QuantPlan $Samples.Model -Type $fits).Type | Should -Be $fits.Type
        }
    }

    Context 'Comparison' {
        BeforeAll {
            Copy-Item $Samples.Model other.gguf
            $rows = ConvertTo-Quantized $Samples.Model Q4_0 -Destination . | Compare-Quant -Corpus $Samples.HeldOut -Chunks 2
        }

        It 'takes what was measured on the model' {
            $fit = Find-QuantType $Samples.Model 9152KB -Comparison $rows -WarningVariable warnings | Where-Object Type -eq Q4_0
            $warnings | Should -BeNullOrEmpty
            $fit.QualitySource | Should -Be 'measured on this model'
            $fit.KlDivergence | Should -Be $rows[1].KlDivergence
            $fit.IsMeasured | Should -BeTrue
        }

        It 'takes the reference of rows from the pipeline as the model, live and from a job' {
            $expected = Find-QuantType $Samples.Model 9152KB -Comparison $rows
            $rows | Export-Clixml rows.clixml
            foreach ($source in $rows, (Import-Clixml rows.clixml)) {
                $fits = $source | Find-QuantType -Memory 9152KB
                $fits.Path | Select-Object -Unique | Should -Be $Samples.Model
                $fits.Type | Should -Be $expected.Type
                $fits.KlDivergence | Should -Be $expected.KlDivergence
            }
        }

        It 'asks for a model where it is given none' {
            { Find-QuantType -Memory 9152KB } | Should -Throw -ErrorId 'PathMissing,*'
        }

        It 'warns that what was measured on another model does not count' {
            $fit = Find-QuantType other.gguf 9152KB -Comparison $rows -WarningVariable warnings -WarningAction SilentlyContinue |
                Where-Object Type -eq Q4_0
            $warnings | Should -HaveCount 1
            $warnings[0].Message | Should -BeLike "No row of -Comparison was measured on 'other.gguf'*"
            $fit.QualitySource | Should -BeLike 'published*'
        }
    }

    Context 'Reserve' {
        It 'recommends <Expected> where <Reserve> should stay free' -ForEach @(
            @{ Reserve = '10%'; Expected = 'Q4_K_M' }
            @{ Reserve = '5%'; Expected = 'Q5_K_M' }
            @{ Reserve = '4 %'; Expected = 'Q5_K_M' }
            @{ Reserve = 0; Expected = 'Q6_K' }
            @{ Reserve = 850KB; Expected = 'Q5_K_M' }
            @{ Reserve = '1MB'; Expected = 'Q4_K_M' }
        ) {
            (Find-QuantType $Samples.Model 9152KB -Reserve $reserve | Where-Object IsRecommended).Type | Should -Be $expected
        }

        It 'says how much it leaves free, and whether the unquantized model fits too' {
            $best = Find-QuantType $Samples.Model 1GB -Reserve 5% | Where-Object IsRecommended
            $best.Reason | Should -BeLike 'Q8_0 is the best quantization that leaves 51.2 MiB of 1 GiB free: *F16 fits too: *'
            (Find-QuantType $Samples.Model 12MB | Where-Object IsRecommended).Reason | Should -Not -BeLike '*F16*'
        }

        It 'is beside that of a card' {
            $fits = Find-QuantType $Samples.Model -Memory 1GB -GpuMemory 5MB -BatchSize 16
            foreach ($fit in $fits) {
                $fit.HostMemory + $fit.Margin | Should -Be 1GB
                $fit.GpuMemory + $fit.HostMemory | Should -Be $fit.Memory
                $fit.GpuMemory | Should -BeLessOrEqual (0.9 * 5MB)
            }
            ($fits | Where-Object Type -EQ F16).GpuLayers | Should -BeLessThan 7
            ($fits | Where-Object Type -EQ Q4_K_M).GpuArguments | Should -Be '-ngl 7'
            ($fits | Where-Object IsRecommended).Reason | Should -Match 'would be on the card as a whole'
        }

        It 'may be a card''s alone, which all layers must be on' {
            $fits = Find-QuantType $Samples.Model -GpuMemory 5MB -BatchSize 16
            $fits.GpuArguments | Select-Object -Unique | Should -Be '-ngl 7'
            foreach ($fit in $fits) { $fit.GpuMemory + $fit.Margin | Should -Be 5MB }
            $fits.Type | Should -Contain Q4_K_M
            $fits.Type | Should -Not -Contain F16
        }

        It 'must be given' {
            { Find-QuantType $Samples.Model } | Should -Throw -ErrorId 'MemoryMissing,*'
        }

        It 'is also taken for -MemoryBudget, the former name' {
            (Find-QuantType $Samples.Model -MemoryBudget 9152KB | Where-Object IsRecommended).Type | Should -Be Q4_K_M
        }
    }

    Context 'Nothing fits' {
        It 'warns with what would fit: <arguments>' -ForEach @(
            @{ Arguments = @{ Memory = 15MB; ContextLength = 2048 }
               Ways = 'It fits with -ContextLength 1536 (Q2_K takes *), or with -CacheType Q8_0 (IQ4_NL takes *).' }
            @{ Arguments = @{ GpuMemory = 3MB; BatchSize = 32 }
               Ways = 'It fits with -CacheType Q8_0 (Q2_K takes *), or with -WithImportanceMatrix (IQ2_S takes *), or with -Memory of at least * (Q2_K, -ngl 5).' }
            @{ Arguments = @{ Memory = 1MB }; Ways = 'with a context of 256 tokens, and neither a shorter context nor a smaller cache saves enough.' }
        ) {
            Find-QuantType $Samples.Model @arguments -WarningVariable warnings -WarningAction SilentlyContinue | Should -BeNullOrEmpty
            $warnings | Should -HaveCount 1
            $warnings[0].Message | Should -BeLike "'novels-6m-f16.gguf' does not fit into *in any type: Q2_K, the smallest, takes *$ways"
        }

        It 'names a way that fits' {
            Find-QuantType $Samples.Model -Memory 15MB -ContextLength 2048 -WarningVariable warnings -WarningAction SilentlyContinue
            $length = [int] [regex]::Match($warnings[0].Message, '-ContextLength (\d+)').Groups[1].Value
            Find-QuantType $Samples.Model -Memory 15MB -ContextLength $length | Should -Not -BeNullOrEmpty
        }
    }

    Context 'Errors' {
        It 'rejects -<name> <value>' -ForEach @(
            @{ Name = 'Memory'; Value = 0 }
            @{ Name = 'ContextLength'; Value = 0 }
            @{ Name = 'Reserve'; Value = '100%' }
            @{ Name = 'Reserve'; Value = 'much' }
            @{ Name = 'Reserve'; Value = 0.05 }
            @{ Name = 'Reserve'; Value = -1 }
        ) {
            $arguments = @{ Memory = 9152KB }
            $arguments[$name] = $value
            { Find-QuantType $Samples.Model @arguments } |
                Should -Throw -ErrorId 'ParameterArgument*Error,GgufQuant.Commands.FindQuantTypeCommand'
        }
    }

    Context 'View' {
        It 'shows types as a table under their model' {
            Find-QuantType $Samples.Model 9152KB | Format-Lines | Assert-Golden QuantTypeFit
        }

        It 'says in every width which type to take, and why' {
            foreach ($width in 80, 120, 200) {
                $lines = Find-QuantType $Samples.Model 9152KB | Format-Lines -Width $width
                $lines -join ' ' -replace ' +', ' ' | Should -BeLike '*Model: novels-6m-f16.gguf Q4_K_M is the best quantization that leaves *leave 1.4 MiB.*'
                ($lines -match '^\*').Count | Should -Be 1
                ($lines | Select-Object -Skip 4 | Measure-Object Length -Maximum).Maximum | Should -BeLessThan 80
            }
        }

        It 'marks the type to take in bold, and explains it in a list' {
            # $PSStyle is the process's, whatever the runspace.
            $rendering = $PSStyle.OutputRendering
            $PSStyle.OutputRendering = 'Ansi'
            try {
                $result = Invoke-Streams '$fits | Out-String; $fits | Where-Object IsRecommended | Format-List | Out-String' @{ Fits = Find-QuantType $Samples.Model 9152KB }
            }
            finally {
                $PSStyle.OutputRendering = $rendering
            }
            $result.Output[0] | Should -Match '(?m)^\e\[1m\*\e\[0m +Q4_K_M '
            $result.Output[1] | Should -Match 'Q4_K_M is the best quantization'
        }
    }

    Context 'Completion' {
        It 'offers the types of the cache' {
            (Complete-Line 'Find-QuantType model.gguf 8GB -CacheType Q8').CompletionText | Should -Be Q8_0
        }
    }
}
