Describe 'Find-QuantType' {
    BeforeAll { Push-Location $TestDrive }
    AfterAll { Pop-Location }

    Context 'Fits' {
        BeforeAll { $fits = Find-QuantType $Samples.Model -MemoryBudget 10MB }

        It 'lists what fits with what stays free' {
            foreach ($fit in $fits) { $fit.Memory + $fit.Margin | Should -Be 10MB }
            $fits.Margin | Where-Object { $_ -lt 0 } | Should -BeNullOrEmpty
        }

        It 'recommends one type' {
            ($fits | Where-Object IsRecommended).Type | Should -Be Q4_K_M
        }

        It 'considers types that need an importance matrix only with -WithImportanceMatrix' {
            $fits | Where-Object Imatrix -eq Required | Should -BeNullOrEmpty
            (Find-QuantType $Samples.Model 10MB -WithImportanceMatrix).Type | Should -Contain IQ2_M
        }

        It 'counts the context and the cache that were asked for' {
            $large = Find-QuantType $Samples.Model 20MB -ContextLength 1024 | Where-Object Type -eq Q4_0
            $small = Find-QuantType $Samples.Model 20MB -ContextLength 1024 -CacheType Q8_0 | Where-Object Type -eq Q4_0
            $large.MemoryEstimate.ContextLength | Should -Be 1024
            $small.MemoryEstimate.Cache / $large.MemoryEstimate.Cache | Should -Be (34 / 64)
            $small.Margin | Should -BeGreaterThan $large.Margin
        }

        It 'says of which model each line is' {
            Copy-Item $Samples.Model 'b [1].gguf'
            $fits = Get-Item $Samples.Model, '*b*.gguf' | Find-QuantType -MemoryBudget 10MB
            $fits.Source | Select-Object -Unique | Should -Be $Samples.Model, (Join-Path $TestDrive 'b [1].gguf')
            ($fits | Where-Object IsRecommended).Type | Should -Be Q4_K_M, Q4_K_M
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
            $fit = Find-QuantType $Samples.Model 10MB -Comparison $rows -WarningVariable warnings | Where-Object Type -eq Q4_0
            $warnings | Should -BeNullOrEmpty
            $fit.QualitySource | Should -Be 'measured on this model'
            $fit.KlDivergence | Should -Be $rows[1].KlDivergence
        }

        It 'warns that what was measured on another model does not count' {
            $fit = Find-QuantType other.gguf 10MB -Comparison $rows -WarningVariable warnings -WarningAction SilentlyContinue |
                Where-Object Type -eq Q4_0
            $warnings | Should -HaveCount 1
            $warnings[0].Message | Should -BeLike "No row of -Comparison was measured on 'other.gguf'*"
            $fit.QualitySource | Should -BeLike 'published*'
        }
    }

    Context 'Nothing fits' {
        It 'warns with the ways out that are left: <arguments>' -ForEach @(
            @{ Arguments = @{}; Ways = 'try a smaller -ContextLength or -CacheType Q8_0 or -WithImportanceMatrix.' }
            @{ Arguments = @{ CacheType = 'Q4_0'; WithImportanceMatrix = $true }; Ways = 'try a smaller -ContextLength.' }
        ) {
            Find-QuantType $Samples.Model -MemoryBudget 1MB @arguments -WarningVariable warnings -WarningAction SilentlyContinue |
                Should -BeNullOrEmpty
            $warnings | Should -HaveCount 1
            $warnings[0].Message | Should -BeLike "'novels-6m-f16.gguf' does not fit into 1.00 MiB in any type.*$ways"
        }
    }

    Context 'Errors' {
        It 'rejects -<name> <value>' -ForEach @(
            @{ Name = 'MemoryBudget'; Value = 0 }
            @{ Name = 'ContextLength'; Value = 0 }
        ) {
            $arguments = @{ MemoryBudget = 10MB }
            $arguments[$name] = $value
            { Find-QuantType $Samples.Model @arguments } |
                Should -Throw -ErrorId 'ParameterArgumentValidationError,GgufQuant.Commands.FindQuantTypeCommand'
        }
    }

    Context 'View' {
        It 'shows types as a table under their model' {
            Find-QuantType $Samples.Model 10MB | Format-Lines | Assert-Golden QuantTypeFit
        }
    }

    Context 'Completion' {
        It 'offers the types of the cache' {
            (Complete-Line 'Find-QuantType model.gguf 8GB -CacheType Q8').CompletionText | Should -Be Q8_0
        }
    }
}
