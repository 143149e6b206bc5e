Describe 'Get-GgufTensor' {
    BeforeAll {
        Push-Location $TestDrive
        Copy-Item $Samples.Model 'odd [1] name.gguf'
    }
    AfterAll { Pop-Location }

    Context 'Tensors' {
        It 'shows what it can of a file with a tensor that ggml rejects: <Name>' -ForEach @(
            @{ Name = 'five dimensions'; Faulty = 'five'; Shape = 8, 1, 1, 1, 1; Problem = '*5 dimensions exceed the limit of 4.' }
            @{ Name = 'a long name'; Faulty = 'n' * 64; Shape = 8; Problem = '*64 bytes exceed the limit of 63.' }
        ) {
            $null = New-TestGguf faulty.gguf -Tensor ([ordered] @{ first = 8; $Faulty = $Shape; last = 8 })
            foreach ($cmdlet in 'Get-GgufTensor', 'Get-GgufMetadata', 'Get-GgufInfo') {
                $shown = & $cmdlet faulty.gguf -ErrorVariable failure -ErrorAction SilentlyContinue
                $shown | Should -Not -BeNullOrEmpty
                $failure | Should -HaveCount 1
                $failure.FullyQualifiedErrorId | Should -BeLike 'InvalidGguf,*'
                $failure.Exception.Message | Should -BeLike $Problem
            }
            (Get-GgufTensor faulty.gguf -ErrorAction Ignore).Name | Should -Be first, last
            (Get-GgufInfo faulty.gguf -ErrorAction Ignore).Architecture | Should -Be llama
            Test-Gguf faulty.gguf | Should -BeFalse
        }

        It 'lists every tensor in the order of the file' {
            $tensors = Get-GgufInfo $Samples.Model | Get-GgufTensor
            $tensors | Should -HaveCount 57
            $tensors[0].Name | Should -Be token_embd.weight
            $tensors.Offset | Should -Be ($tensors.Offset | Sort-Object)
        }

        It 'says what a tensor is and where its data is' {
            $tensor = Get-GgufTensor $Samples.Model token_embd.weight
            $tensor.Shape | Should -Be 256, 2048
            $tensor.Type | Should -Be F16
            $tensor.WeightCount | Should -Be (256 * 2048)
            $tensor.Size | Should -Be (2 * 256 * 2048)
            $tensor.BitsPerWeight | Should -Be 16
            $tensor.Path | Should -Be $Samples.Model
            $tensor.Offset + $tensor.Size | Should -BeLessOrEqual (Get-Item $Samples.Model).Length
        }

        It 'finds the data it measures at the offset it gives' {
            New-TestGguf constant.gguf -Value 0.25
            $tensor = Get-GgufTensor constant.gguf
            [BitConverter]::ToSingle([IO.File]::ReadAllBytes("$PWD/constant.gguf"), $tensor.Offset) | Should -Be 0.25
            $measured = Get-GgufTensor constant.gguf -Statistics
            $measured.Minimum | Should -Be 0.25
            $measured.Maximum | Should -Be 0.25
            $measured.StandardDeviation | Should -Be 0
        }

        It 'describes the weights with -Statistics' {
            $norm = Get-GgufTensor $Samples.Model output_norm.weight -Statistics
            $norm.Minimum | Should -BeLessThan $norm.Mean
            $norm.Mean | Should -BeLessThan $norm.Maximum
            $norm.StandardDeviation | Should -BeGreaterThan 0
            $norm.NaNCount | Should -Be 0
            $norm.InfinityCount | Should -Be 0
        }
    }

    Context 'Names' {
        It 'chooses <count> tensors with <name>' -ForEach @(
            @{ Name = '*attn_v*'; Count = 6 }
            @{ Name = '*ATTN_V*'; Count = 6 }
            @{ Name = 'output.weight', 'blk.0.*', 'blk.0.attn_q.weight'; Count = 10 }
            @{ Name = 'none*'; Count = 0 }
        ) {
            @(Get-GgufTensor $Samples.Model $name) | Should -HaveCount $count
        }

        It 'names a tensor that is missing and lists the others' {
            $tensors = Get-GgufTensor $Samples.Model output.weight, none -ErrorVariable failure -ErrorAction SilentlyContinue
            $tensors | Should -HaveCount 1
            $failure | Should -HaveCount 1
            $failure[0].FullyQualifiedErrorId | Should -Be 'TensorNotFound,GgufQuant.Commands.GetGgufTensorCommand'
            $failure[0].CategoryInfo.Category | Should -Be ObjectNotFound
            $failure[0].TargetObject | Should -Be none
            $failure[0].Exception.Message | Should -Be "'$($Samples.Model)' has no tensor 'none'."
        }

        It 'completes names from the file' {
            $offered = Complete-Line "Get-GgufTensor '$($Samples.Model)' -Name blk.1.attn_k"
            $offered.CompletionText | Should -Be blk.1.attn_k.weight
            $offered.ToolTip | Should -Be 'blk.1.attn_k.weight [256, 128] f16'
        }

        It 'completes names from a file named with -LiteralPath' {
            (Complete-Line "Get-GgufTensor -LiteralPath 'odd [1] name.gguf' -Name output_").CompletionText | Should -Be output_norm.weight
        }

        It 'offers nothing for a file that is missing' {
            Complete-Line 'Get-GgufTensor none.gguf -Name blk' | Should -BeNullOrEmpty
        }
    }

    Context 'Long work' {
        BeforeAll {
            $null = New-TestGguf huge.gguf -Sparse -Tensor ([ordered] @{ small = 256, 4; large = 4096, 131072; huge = 4096, 1048576 })
        }

        It 'shows progress and ends it' {
            $result = Invoke-Streams 'Get-GgufTensor huge.gguf large -Statistics'
            $result.Output | Should -HaveCount 1
            $result.Progress | Select-Object -ExpandProperty Activity -Unique | Should -Be 'Reading huge.gguf'
            $result.Progress[-1].RecordType | Should -Be Completed
        }

        It 'ends within a second on Ctrl+C' -Skip:$IsWindows {
            # What has been measured leaves a file of its name.
            $command = 'Get-GgufTensor huge.gguf small, huge -Statistics | ForEach-Object { New-Item $_.Name }'
            $result = Invoke-Interrupted $command -When { Test-Path small } -Retry { Remove-Item small }
            $result.Duration.TotalSeconds | Should -BeLessThan 1
            Test-Path huge | Should -BeFalse
        }
    }

    Context 'View' {
        It 'shows tensors as a table under their file' {
            Get-GgufTensor $Samples.Model blk.0.* | Format-Lines | Assert-Golden TensorInfo
        }

        It 'shows statistics as a table under their file' {
            Get-GgufTensor $Samples.Model blk.0.* -Statistics | Format-Lines | Assert-Golden MeasuredTensor
        }
    }
}
