Describe 'Get-GgufInfo' {
    BeforeAll {
        Push-Location $TestDrive
        Copy-Item $Samples.Model copy.gguf
        [IO.File]::WriteAllBytes((Join-Path $TestDrive cut.bin), [IO.File]::ReadAllBytes($Samples.Model)[0..3999])
    }
    AfterAll { Pop-Location }

    Context 'Model' {
        It 'reads what the header says' {
            $info = Get-GgufInfo $Samples.Model
            $info | Should -HaveCount 1
            $info.Path | Should -Be $Samples.Model
            $info.Name | Should -Be 'Novels 6M'
            $info.Architecture | Should -Be llama
            $info.Type | Should -Be F16
            $info.Layers | Should -Be 6
            $info.Heads | Should -Be 4
            $info.KeyValueHeads | Should -Be 2
            $info.EmbeddingLength | Should -Be 256
            $info.Vocabulary | Should -Be 2048
            $info.ContextLength | Should -Be 256
            $info.Size | Should -Be (Get-Item $Samples.Model).Length
            $info.Shards | Should -Be 1
            $info.WeightCount | Should -Be 5770496
        }

        It 'estimates memory for the model''s own context and an F16 cache' {
            $memory = (Get-GgufInfo $Samples.Model).MemoryEstimate
            $memory.ContextLength | Should -Be 256
            $memory.CacheType | Should -Be F16
            # 6 layers of 2 heads, 64 wide, keys and values, 16 bits each.
            $memory.Cache | Should -Be (6 * 2 * 64 * 2 * 256 * 2)
            $memory.State | Should -Be 0
        }

        It 'estimates memory for the context and the cache that were asked for' {
            $info = Get-GgufInfo $Samples.Model -ContextLength 1024 -CacheType Q8_0
            $memory = $info.MemoryEstimate
            # 34 bytes for 32 elements.
            $memory.Cache | Should -Be (6 * 2 * 64 * 2 * 1024 * 34 / 32)
            $memory.Total | Should -Be ($memory.Weights + $memory.Cache + $memory.State + $memory.Compute)
            $info.Memory | Should -Be $memory.Total
        }

        It 'takes keys, values, batch, sequences and flash attention apart' {
            $run = @{ KeyCacheType = 'Q8_0'; ValueCacheType = 'Q4_0'; BatchSize = 64; Parallel = 2; NoFlashAttention = $true }
            $memory = (Get-GgufInfo $Samples.Model -ContextLength 1024 @run).MemoryEstimate
            $memory.Cache | Should -Be (6 * 2 * 64 * 1024 * (34 + 18) / 32)
            $memory.BatchSize, $memory.Parallel | Should -Be 64, 2
            $memory.FlashAttention | Should -BeFalse
            $memory.Assumptions | Should -Contain 'llama.cpp quantizes cached values only with flash attention.'
        }

        It 'keeps the former names of the parts' {
            $memory = (Get-GgufInfo $Samples.Model).MemoryEstimate
            $memory.WeightSize, $memory.CacheSize, $memory.ComputeSize, $memory.Size |
                Should -Be $memory.Weights, $memory.Cache, $memory.Compute, $memory.Total
        }

        It 'divides the model between a card and the host' {
            $info = Get-GgufInfo $Samples.Model -GpuMemory 5MB -BatchSize 16
            $memory = $info.MemoryEstimate
            $info.GpuLayers | Should -BeIn (2..6)
            $info.GpuArguments | Should -Be "-ngl $($info.GpuLayers)"
            $info.GpuMemory | Should -BeLessOrEqual (0.9 * 5MB)
            $info.GpuMemory + $info.HostMemory | Should -Be $info.Memory
            $memory.Placement.Gpu.Cache | Should -Be (($info.GpuLayers - 1) * 2 * 64 * 2 * 256 * 2)
            $memory.Placement.Host.Cache | Should -Be ((7 - $info.GpuLayers) * 2 * 64 * 2 * 256 * 2)
            $memory.Assumptions | Should -Contain '512 KiB of the card''s 5.00 MiB stay free for its driver and other programs.'
        }

        It 'says that a dense model has no experts for the host' {
            $info = Get-GgufInfo $Samples.Model -GpuMemory 1GB -CpuMoe
            $info.GpuArguments | Should -Be '-ngl 7'
            $info.MemoryAssumptions | Should -Contain 'The model has no experts that could stay on the host.'
        }

        It 'divides nothing without a card' {
            $info = Get-GgufInfo $Samples.Model
            $info.GpuLayers, $info.GpuMemory, $info.GpuArguments | Should -Be $null, $null, $null
        }

        It 'asks the engine with -Measure what it would take' {
            $info = Get-GgufInfo $Samples.Model -ContextLength 1024 -CacheType Q8_0 -Measure
            $measured = $info.GetMeasuredMemory()
            $measured.Weights | Should -Be $info.TensorSize
            $measured.Cache | Should -BeGreaterThan ($info.CacheSize - 0.02MB)
            $measured.Cache | Should -BeLessThan ($info.CacheSize + 0.02MB)
            $measured.State | Should -Be 0
            $measured.Compute | Should -BeGreaterThan 1MB
            $measured.Compute | Should -BeLessThan (1.1 * $info.ComputeSize)
            $info.MeasuredMemory | Should -Be $measured.Total
        }

        It 'has measured nothing unless asked' {
            (Get-GgufInfo $Samples.Model).MeasuredMemory | Should -BeNullOrEmpty
        }

        It 'has no metadata unless asked' {
            (Get-GgufInfo $Samples.Model).Metadata | Should -BeNullOrEmpty
        }

        It 'reads all metadata with -Metadata' {
            $metadata = (Get-GgufInfo $Samples.Model -Metadata).Metadata
            $metadata.'general.license' | Should -Be 'cc0-1.0'
            $metadata.'tokenizer.ggml.tokens' | Should -HaveCount 2048
        }
    }

    Context 'Errors' {
        It 'names the field and offset where a broken file ends, and continues with the next' {
            $info = 'cut.bin', 'copy.gguf' | Get-GgufInfo -ErrorVariable failure -ErrorAction SilentlyContinue
            $info | Should -HaveCount 1
            $failure | Should -HaveCount 1
            $failure[0].FullyQualifiedErrorId | Should -Be 'InvalidGguf,GgufQuant.Commands.GetGgufInfoCommand'
            $failure[0].CategoryInfo.Category | Should -Be InvalidData
            $failure[0].TargetObject | Should -Be (Join-Path $TestDrive cut.bin)
            $failure[0].Exception.Message | Should -BeLike "*$(Join-Path $TestDrive cut.bin)*at byte*"
        }

        It 'takes -CpuMoe only with -GpuMemory, and -Engine only with -Measure' {
            { Get-GgufInfo copy.gguf -CpuMoe } | Should -Throw -ErrorId 'ParameterMissing,*'
            { Get-GgufInfo copy.gguf -Engine x } | Should -Throw -ErrorId 'ParameterMissing,*'
        }

        It 'describes a file that the engine cannot measure, and says why it cannot' {
            $vector = New-TestVector vector.gguf
            $info = Get-GgufInfo $vector -Measure -ErrorVariable failure -ErrorAction SilentlyContinue
            $info.Kind | Should -Be ControlVector
            $info.MeasuredMemory | Should -BeNullOrEmpty
            $failure | Should -HaveCount 1
            $failure[0].FullyQualifiedErrorId | Should -BeLike '*,GgufQuant.Commands.GetGgufInfoCommand'
        }

        It 'rejects -<name> <value>' -ForEach @(
            @{ Name = 'ContextLength'; Value = 0; Id = 'ParameterArgumentValidationError' }
            @{ Name = 'CacheType'; Value = 'Q9'; Id = 'CannotConvertArgumentNoMessage' }
        ) {
            $arguments = @{ $name = $value }
            { Get-GgufInfo copy.gguf @arguments } | Should -Throw -ErrorId "$id,GgufQuant.Commands.GetGgufInfoCommand"
        }
    }

    Context 'View' {
        It 'shows a model in full as a list' {
            Get-GgufInfo $Samples.Model | Format-Lines -List | Assert-Golden GgufInfoList
        }

        It 'shows models as a table' {
            Get-GgufInfo $Samples.Model, copy.gguf | Format-Lines | Assert-Golden GgufInfoTable
        }

        It 'shows what is on a card and on the host' {
            $lines = Get-GgufInfo $Samples.Model -GpuMemory 5MB -BatchSize 16 | Format-Lines
            $lines[0] | Should -Match '^Type +File +On GPU +On host +Layers +Arguments$'
            $lines[2] | Should -Match 'MiB +\S+ \wiB +[2-6] of 7 +-ngl [2-6]$'
        }

        It 'cuts metadata to the line' {
            $lines = Get-GgufInfo copy.gguf -Metadata | Format-Lines -List
            $lines -match '^ *tokenizer\.ggml\.tokens = 2048 of String: <\|endoftext\|>, ' | Should -HaveCount 1
            $lines | Where-Object Length -gt 120 | Should -BeNullOrEmpty
        }
    }

    Context 'Completion' {
        It 'offers the types of the cache' {
            (Complete-Line 'Get-GgufInfo model.gguf -CacheType Q8').CompletionText | Should -Be Q8_0
        }
    }
}
