BeforeAll {
    $class = 'GgufQuant.Commands.NewQuantCalibrationCommand'
}

Describe 'New-QuantCalibration' {
    BeforeAll {
        Push-Location (New-TestFolder)
        Copy-Item $Samples.Model m-f16.gguf
        $made = New-QuantCalibration m-f16.gguf $Samples.Calibration -ChunkCount 20 -ThreadCount 2
    }

    AfterAll {
        Pop-Location
    }

    It 'writes the moments of every input beside the model' {
        $made.Path | Should -Be (Join-Path $PWD m-calibration.gguf)
        $made.Inputs | Should -Be 25
        $made.Tensors | Should -Be 43
        $made.IsWhole | Should -BeTrue
        $made.Width | Should -Be 768
        $made.Chunks | Should -Be 20
        $made.Passes | Should -Be 1
        $made.Perplexity | Should -BeLessThan 60
        Get-ChildItem *.passes, *.partial | Should -BeNullOrEmpty
    }

    It 'writes an importance matrix too' {
        ($made | Get-ImportanceMatrix).Name | Should -Contain output.weight
        (Get-GgufInfo $made.Path).Kind | Should -Be Calibration
    }

    It 'makes files of the same size that say what they were made with' {
        $plain = ConvertTo-Quantized m-f16.gguf Q4_K_M -ImportanceMatrix $made -PruneLayer 1, 2, 3, 4, 5
        $rounded = ConvertTo-Quantized m-f16.gguf Q4_K_M -Calibration $made -PruneLayer 1, 2, 3, 4, 5
        $rounded.Path | Should -Be (Join-Path $PWD m-Q4_K_M-cal.gguf)
        $rounded.BitsPerWeight | Should -Be $plain.BitsPerWeight
        $rounded.Size | Should -BeLessOrEqual $plain.Size
        $id = (Get-GgufMetadata $made.Path calibration.id).Value
        (Get-GgufMetadata $rounded.Path quantize.calibration.id).Value | Should -Be $id
        Get-GgufMetadata $plain.Path quantize.calibration.* | Should -BeNullOrEmpty
        Test-Gguf $rounded | Where-Object Severity -EQ Error | Should -BeNullOrEmpty
        (Get-QuantPlan m-f16.gguf Q4_K_M -Calibration $made).Destination | Should -Be $rounded.Path
    }

    It 'says passes, memory, size and time before it starts' {
        $result = Invoke-Streams "New-QuantCalibration m-f16.gguf '$($Samples.Calibration)' -ChunkCount 2 -MemoryBudget 8MB -Destination few.gguf -Verbose"
        $result.Verbose -match '^25 inputs, whole: \d passes over 2 chunks of 256 tokens, .* of memory for moments, a file of .*, about [\d.:]+( s)? by the speed of the first chunk\.$' | Should -HaveCount 1
        $result.Warning | Should -BeLike 'The text has 0.7 tokens per column of the widest input (768)*'
        $result.Output.Passes | Should -BeGreaterThan 1
    }

    It 'cuts the moments to blocks of -CovarianceWidth' {
        $narrow = New-QuantCalibration m-f16.gguf $Samples.Calibration -ChunkCount 4 -CovarianceWidth 256 -Destination narrow.gguf -WarningAction Ignore
        $narrow.IsWhole | Should -BeFalse
        $narrow.Width | Should -Be 256
        $narrow.Size | Should -BeLessThan $made.Size
    }

    It 'rejects a budget that no input fits, and names the least' {
        $failure = New-QuantCalibration m-f16.gguf $Samples.Calibration -ChunkCount 2 -MemoryBudget 1MB -CovarianceWidth 1024 -Destination none.gguf -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "InvalidCalibration,$class"
        "$failure" | Should -Match 'at least [\d,]+ bytes'
        Test-Path none.gguf | Should -BeFalse
    }

    It 'rejects <Arguments>' -ForEach @(
        @{ Arguments = @{ Corpus = 'none.txt' }; Id = 'FileNotFound' }
        @{ Arguments = @{ Corpus = 'm-f16.gguf'; CovarianceWidth = 300 }; Id = 'InvalidWidth' }
        @{ Arguments = @{ Corpus = 'm-f16.gguf'; CovarianceWidth = 128 }; Id = 'ParameterArgumentValidationError' }
        @{ Arguments = @{ Corpus = 'm-f16.gguf'; MemoryBudget = 1 }; Id = 'ParameterArgumentValidationError' }
    ) {
        { New-QuantCalibration m-f16.gguf @Arguments } | Should -Throw -ErrorId "$Id,$class"
    }

    It 'replaces a file only with -Force' {
        $failure = New-QuantCalibration m-f16.gguf $Samples.Calibration -ChunkCount 1 -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "DestinationExists,$class"
    }
}

Describe 'ConvertTo-Quantized -Calibration' {
    BeforeAll {
        Push-Location (New-TestFolder)
        Copy-Item $Samples.Model m-f16.gguf
        $calibration = New-QuantCalibration m-f16.gguf $Samples.Calibration -ChunkCount 1 -ThreadCount 2 -WarningAction Ignore
    }

    AfterAll {
        Pop-Location
    }

    It 'rejects a calibration of another model' {
        Copy-Patched $Samples.Model other-f16.gguf -From blk.0.attn_q -To blk.0.attn_z
        $failure = ConvertTo-Quantized other-f16.gguf Q4_0 -Calibration $calibration -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be 'InvalidCalibration,GgufQuant.Commands.ConvertToQuantizedCommand'
        "$failure" | Should -BeLike '*made from a different model*'
        Test-Path other-Q4_0-cal.gguf | Should -BeFalse
    }

    It 'rejects a file that is no calibration' {
        { ConvertTo-Quantized m-f16.gguf Q4_0 -Calibration m-f16.gguf } | Should -Throw -ErrorId 'InvalidCalibration,GgufQuant.Commands.ConvertToQuantizedCommand'
    }

    It 'rejects an importance matrix beside it' {
        { ConvertTo-Quantized m-f16.gguf Q4_0 -Calibration $calibration -ImportanceMatrix $calibration } | Should -Throw
    }
}
