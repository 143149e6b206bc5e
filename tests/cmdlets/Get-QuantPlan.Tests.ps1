# What tensors become is specified beside the cmdlet that makes it so, in ConvertTo-Quantized.Tests.ps1.
Describe 'Get-QuantPlan' {
    BeforeEach { Push-Location (New-TestFolder) }
    AfterEach { Pop-Location }

    It 'returns what ConvertTo-Quantized writes, and writes nothing' {
        $plans = Get-QuantPlan $Samples.Model Q2_K, Q8_0 -Destination .
        $plans.Type | Should -Be Q2_K, Q8_0
        Get-ChildItem | Should -BeNullOrEmpty
        $made = ConvertTo-Quantized $Samples.Model Q2_K -Destination .
        $plans[0].Source | Should -Be $made.Source
        $plans[0].Destination | Should -Be $made.Path
        $plans[0].Size | Should -Be $made.Size
        $plans[0].BitsPerWeight | Should -Be $made.BitsPerWeight
    }

    It 'has every choice of ConvertTo-Quantized that the plan depends on' {
        $choices = (Get-Command Get-QuantPlan).Parameters.Keys
        $work = 'Device', 'Force', 'Hash', 'KeepReuseRecord', 'Resume', 'Reuse', 'Shard', 'SkipExisting', 'WhatIf', 'Confirm'
        (Get-Command ConvertTo-Quantized).Parameters.Keys | Where-Object { $_ -notin $choices } | Sort-Object | Should -Be ($work | Sort-Object)
    }

    It 'counts the shards' {
        $made = ConvertTo-Quantized $Samples.Model Q8_0 -SplitMaxSize 2MB -Destination .
        $plan = Get-QuantPlan $Samples.Model Q8_0 -SplitMaxSize 2MB -Destination .
        $plan.Destinations | Should -Be $made.Paths
        $plan.Destinations[2] | Should -Be $made.Paths[2]
    }

    It 'lists what each shard reads and writes' {
        $plan = Get-QuantPlan $Samples.Model Q8_0 -SplitMaxSize 2MB -Destination .
        $plan.Shards.Number | Should -Be (1..$plan.Destinations.Count)
        $plan.Shards.Path | Should -Be $plan.Destinations
        ($plan.Shards | Measure-Object Size -Sum).Sum | Should -Be $plan.Size
        ($plan.Shards | Measure-Object SourceSize -Sum).Sum | Should -BeLessThan $plan.SourceSize
        ($plan.Shards | Measure-Object SourceSize -Sum).Sum | Should -BeGreaterThan ($plan.SourceSize * 0.95)
        $plan.Shards.Tensors.Name | Should -Be $plan.Tensors.Name
        (Get-QuantPlan $Samples.Model Q8_0 -Destination .).Shards.SourceSize | Should -Be $plan.SourceSize
    }

    Context 'A header without data' {
        BeforeAll { $header = & (Join-Path $Samples.Root samples llama-7b-header.ps1) (Join-Path (New-TestFolder) llama-7b-f16.gguf) }

        It 'is planned as the whole model' {
            $plan = Get-QuantPlan $header F16
            [Math]::Abs($plan.SourceSize - $plan.Size) | Should -BeLessThan 4KB
            # 6.7 billion weights of two bytes, and vectors of four.
            $plan.Size | Should -BeGreaterThan 13.476e9
            $plan.Size | Should -BeLessThan 13.478e9
            (Get-QuantPlan $header Q4_K_M).RelativeSize | Should -BeLessThan 0.31
        }

        It 'is enough for Find-QuantType' {
            $fits = Find-QuantType $header -Memory 64GB
            foreach ($type in 'F16', 'Q4_K_M') {
                ($fits | Where-Object Type -EQ $type).Size | Should -BeGreaterThan ((Get-QuantPlan $header $type).Size - 4KB)
                ($fits | Where-Object Type -EQ $type).Size | Should -BeLessThan ((Get-QuantPlan $header $type).Size + 4KB)
            }
        }

        It 'is not enough to quantize, or to choose types for a size' {
            { ConvertTo-Quantized $header Q4_K_M -Destination . -ErrorAction Stop } | Should -Throw '*truncated*'
            Get-ChildItem | Should -BeNullOrEmpty
        }

        It 'is not what a file is that ends in its data' {
            $bytes = [IO.File]::ReadAllBytes($Samples.Model)
            [IO.File]::WriteAllBytes((Join-Path $PWD cut.gguf), $bytes[0..($bytes.Length - 100)])
            { Get-QuantPlan cut.gguf Q4_K_M -ErrorAction Stop } | Should -Throw '*truncated*'
        }
    }

    It 'plans a copy' {
        (Get-QuantPlan $Samples.Model -Copy -PruneLayer 1 -Destination short.gguf).Tensors.Rule | Select-Object -Unique | Should -Be copied
    }

    It 'takes what to make from the pipeline' {
        ([pscustomobject] @{ Path = $Samples.Model; Type = 'Q6_K' } | Get-QuantPlan).Type | Should -Be Q6_K
    }

    It 'counts the types that it plans' {
        $result = Invoke-Streams 'Get-QuantPlan $model Q8_0, Q4_K_M' @{ Model = $Samples.Model }
        $parts = $result.Progress | Where-Object Activity -eq 'Planning novels-6m-f16.gguf'
        $parts.StatusDescription | Should -Be 'Q8_0, 1 of 2', 'Q4_K_M, 2 of 2'
    }

    It 'says what cannot be made' {
        $failure = { Get-QuantPlan $Samples.Model IQ2_XXS -ErrorAction Stop } | Should -Throw -PassThru
        $failure.FullyQualifiedErrorId | Should -Be 'ImportanceMatrixNeeded,GgufQuant.Commands.GetQuantPlanCommand'
        $failure.TargetObject | Should -Be $Samples.Model
    }

    It 'needs a type' {
        { Get-QuantPlan $Samples.Model } | Should -Throw -ErrorId 'TypeOrCopy,GgufQuant.Commands.GetQuantPlanCommand'
    }

    Context 'View' {
        It 'shows a plan tensor by tensor' {
            Get-QuantPlan $Samples.Model Q4_K_M | Format-Lines | Assert-Golden PlannedFile
        }

        It 'shows the whole rule of each tensor in 80 columns' {
            $lines = (Get-QuantPlan $Samples.Model Q4_K_M).Tensors | Format-Lines -Width 80
            $lines -match '…' | Should -BeNullOrEmpty
            -join $lines -replace '\s' | Should -BeLike '*blk.2.attn_v.weightF16Q6_K26.3KiBattn_v:oneofthelayersgivenmorebitsblk.*'
            ($lines | Measure-Object Length -Maximum).Maximum | Should -BeLessOrEqual 80
        }

        It 'shows a plan after objects of other kinds without its tensors' {
            $lines = (Get-GgufInfo $Samples.Model), (Get-QuantPlan $Samples.Model Q4_K_M) | Format-Lines
            $lines -match '^Type +: Q4_K_M$' | Should -HaveCount 1
            $lines -match '^Tensors' | Should -BeNullOrEmpty
        }
    }
}
