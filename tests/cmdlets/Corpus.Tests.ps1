BeforeAll {
    $class = 'GgufQuant.Commands.ConvertToQuantizedCommand'
    $text = @{ Corpus = $Samples.Calibration; ChunkCount = 2; ThreadCount = 1; WarningAction = 'Ignore' }
    $few = @{ AllowedType = 'q4_0', 'q8_0' }
}

Describe 'Quantizing with a text' {
    BeforeAll {
        Push-Location (New-TestFolder)
        Copy-Item $Samples.Model m-f16.gguf
    }

    AfterAll {
        Pop-Location
    }

    Context 'before there is a calibration' {
        AfterEach {
            Get-ChildItem -Recurse -File | ForEach-Object Name | Should -Be m-f16.gguf
        }

        It 'says with -WhatIf what it would collect and write, and does neither' {
            $session = Invoke-PowerShell "ConvertTo-Quantized m-f16.gguf -TargetSize 3MB, 4MB -Corpus '$($Samples.Calibration)' -WhatIf"
            $session.Error | Should -BeNullOrEmpty
            $session.Output | Should -Match "What if: Collect the calibration of 'm-f16.gguf' over '.*calibration.txt' and write '.*m-calibration.gguf'"
            $session.Output | Should -Match "What if: Quantize 'm-f16.gguf' to 4,194,304 bytes and write '.*m-4MB.gguf'"
        }

        It 'collects nothing for a size that is out of reach' {
            $failure = ConvertTo-Quantized m-f16.gguf -TargetSize 1MB @text @few -ErrorAction Continue 2>&1
            $failure.FullyQualifiedErrorId | Should -Be "SizeOutOfReach,$class"
            "$failure" | Should -Match 'the smallest file has [\d,]+ bytes, the largest [\d,]+ bytes\.$'
        }

        It 'collects nothing without the engine, and says what is missing' {
            $failure = ConvertTo-Quantized m-f16.gguf Q4_0 @text -Engine None -ErrorAction Continue 2>&1
            $failure.FullyQualifiedErrorId | Should -Be "EngineMissing,$class"
        }

        It 'rejects a text that is too short' {
            Set-Content (Join-Path TestDrive: short.txt) 'Too short.'
            $failure = ConvertTo-Quantized m-f16.gguf Q4_0 -Corpus (Join-Path TestDrive: short.txt) -ErrorAction Continue 2>&1
            $failure.FullyQualifiedErrorId | Should -Be "CorpusTooShort,$class"
        }

        It 'rejects <Arguments>' -ForEach @(
            @{ Arguments = @{ Corpus = 'none.txt' }; Id = 'FileNotFound' }
            @{ Arguments = @{ Corpus = 'm-f16.gguf'; Calibration = 'm-f16.gguf' }; Id = 'ParametersExclusive' }
            @{ Arguments = @{ Corpus = 'm-f16.gguf'; ImportanceMatrix = 'm-f16.gguf' }; Id = 'ParametersExclusive' }
            @{ Arguments = @{ Corpus = 'm-f16.gguf'; CovarianceWidth = 300 }; Id = 'InvalidWidth' }
            @{ Arguments = @{ ChunkCount = 3 }; Id = 'ParameterMissing' }
        ) {
            { ConvertTo-Quantized m-f16.gguf Q4_0 @Arguments } | Should -Throw -ErrorId "$Id,$class"
        }
    }

    It 'ends at once on Ctrl+C while it collects, and leaves nothing behind' -Skip:$IsWindows {
        $result = Invoke-Interrupted "ConvertTo-Quantized m-f16.gguf Q4_0 -Corpus '$($Samples.Calibration)' -ThreadCount 1" -When { Test-Path *.passes }
        $result.Duration.TotalSeconds | Should -BeLessThan 5
        Get-ChildItem | ForEach-Object Name | Should -Be m-f16.gguf
    }

    Context 'collected' {
        BeforeAll {
            $first = ConvertTo-Quantized m-f16.gguf Q4_0 @text -Destination made/one.gguf
        }

        It 'keeps the calibration beside the output' {
            $first.Path | Should -Be (Join-Path $PWD made one.gguf)
            $id = (Get-GgufMetadata made/m-calibration.gguf calibration.id).Value
            (Get-GgufMetadata $first quantize.calibration.id).Value | Should -Be $id
        }

        It 'runs the model over the text no more for other types and sizes' {
            $written = (Get-Item made/m-calibration.gguf).LastWriteTimeUtc
            $again = Invoke-Streams "ConvertTo-Quantized m-f16.gguf Q4_1 -Corpus '$($Samples.Calibration)' -ChunkCount 2 -Destination made -Verbose"
            $again.Verbose -like '*is of this model and text, and is used.' | Should -HaveCount 1
            $again.Output.Path | Should -Be (Join-Path $PWD made m-Q4_1-cal.gguf)
            (Get-QuantPlan m-f16.gguf Q4_0 @text -Destination made).Destination | Should -Be (Join-Path $PWD made m-Q4_0-cal.gguf)
            (Get-Item made/m-calibration.gguf).LastWriteTimeUtc | Should -Be $written
        }

        It 'measures for a size once, whichever cmdlet needs it first' {
            $plan = Get-QuantPlan m-f16.gguf -TargetSize 4MB @text @few -Destination made
            (Get-GgufMetadata made/m-calibration.gguf calibration.cost.groups).Value | Should -HaveCount 23
            $recipe = Invoke-Streams "New-QuantRecipe m-f16.gguf 4MB -Corpus '$($Samples.Calibration)' -ChunkCount 2 -AllowedType q4_0, q8_0 -Destination made -Verbose"
            $recipe.Verbose -match 'measured on|errors of tensors' | Should -BeNullOrEmpty
            $recipe.Output.ExpectedDivergence | Should -Be $plan.ExpectedDivergence
            $recipe.Output.Path | Should -Be (Join-Path $PWD made m-4MB.psd1)
        }

        It 'makes a file with types for a size that is rounded as llama.cpp does' {
            $plain = ConvertTo-Quantized m-f16.gguf Q4_K_M -Recipe made/m-4MB.psd1 -ImportanceMatrix made/m-calibration.gguf -Destination made/plain.gguf
            $plain.BitsPerWeight | Should -Be (Get-QuantPlan m-f16.gguf -TargetSize 4MB @text @few -Destination made).BitsPerWeight
            Get-GgufMetadata $plain quantize.calibration.* | Should -BeNullOrEmpty
        }

        It 'takes no other file for its calibration, and replaces it only with -Force' {
            $other = @{ Corpus = $Samples.Calibration; ChunkCount = 1; WarningAction = 'Ignore'; Destination = 'made/other.gguf' }
            $before = (Get-FileHash made/m-calibration.gguf).Hash
            $failure = ConvertTo-Quantized m-f16.gguf Q4_0 @other -ErrorAction Continue 2>&1
            $failure.FullyQualifiedErrorId | Should -Be "CannotQuantize,$class"
            "$failure" | Should -BeLike '*is not the calibration of*-Force collects another*'
            (Get-FileHash made/m-calibration.gguf).Hash | Should -Be $before
            Test-Path made/other.gguf | Should -BeFalse
            $null = ConvertTo-Quantized m-f16.gguf Q4_0 @other -Force
            (Get-FileHash made/m-calibration.gguf).Hash | Should -Not -Be $before
        }
    }
}
