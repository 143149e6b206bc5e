BeforeAll {
    $class = 'GgufQuant.Commands.NewQuantRecipeCommand'
    $convert = 'GgufQuant.Commands.ConvertToQuantizedCommand'
    $few = @{ AllowedType = 'q?_k', 'q8_0'; ThreadCount = 1 }
}

Describe 'Types for a size' {
    BeforeAll {
        Push-Location (New-TestFolder)
        Copy-Item $Samples.Model m-f16.gguf
        $calibration = New-QuantCalibration m-f16.gguf $Samples.Calibration -ChunkCount 4 -ThreadCount 1 -WarningAction Ignore
        $untouched = (Get-FileHash $calibration.Path).Hash
    }

    AfterAll {
        Pop-Location
    }

    Context 'before anything is measured' {
        It 'goes by what roles are worth elsewhere with -WhatIf, estimates on a few rows, and says both' {
            $result = Invoke-Streams "ConvertTo-Quantized m-f16.gguf -TargetSize 4MB -AllowedType q4_0, q8_0 -Calibration '$calibration' -WhatIf -Verbose"
            $result.Warning -like '*not by measurements of this one, because nothing has been measured yet*' | Should -HaveCount 1
            $result.Verbose -like '*88 errors of tensors and types are not in*and were estimated; 0 are*' | Should -HaveCount 1
            $result.Verbose -like '*are measured on a sample of their rows; their standard error is*' | Should -HaveCount 1
            (Get-FileHash $calibration.Path).Hash | Should -Be $untouched
            Get-ChildItem m-4MB.gguf -ErrorAction Ignore | Should -BeNullOrEmpty
        }

        It 'neither measures nor writes with -WhatIf' {
            $warnings = @()
            New-QuantRecipe m-f16.gguf 4MB -AllowedType q4_0, q8_0 -Calibration $calibration -WhatIf -WarningVariable warnings -WarningAction SilentlyContinue | Should -BeNullOrEmpty
            $warnings -like '*nothing has been measured yet*' | Should -HaveCount 1
            (Get-FileHash $calibration.Path).Hash | Should -Be $untouched
            Get-ChildItem *.psd1 | Should -BeNullOrEmpty
        }

        It 'measures nothing for a size that is out of reach, and names the sizes that are not' {
            $failure = New-QuantRecipe m-f16.gguf 1MB, 1GB @few -Calibration $calibration -ErrorAction Continue 2>&1
            $failure.FullyQualifiedErrorId | Should -Be "SizeOutOfReach,$class", "SizeOutOfReach,$class"
            "$($failure[0])" | Should -Match 'cannot be quantized to 1,048,576 bytes: .* the smallest file has [\d,]+ bytes, the largest [\d,]+ bytes\.$'
            (Get-FileHash $calibration.Path).Hash | Should -Be $untouched
        }

        It 'says that an engine cannot run the model, and writes nothing' {
            Copy-Patched $Samples.Model other-f16.gguf -From llama -To llamb
            $failure = New-QuantRecipe other-f16.gguf 3MB @few -Calibration $calibration -ErrorAction Continue 2>&1
            $failure.FullyQualifiedErrorId | Should -Be "CannotRunModel,$class"
            (Get-FileHash $calibration.Path).Hash | Should -Be $untouched
            Get-ChildItem *.psd1 | Should -BeNullOrEmpty
        }
    }

    It 'continues after Ctrl+C with what was measured until then' -Skip:$IsWindows {
        Copy-Item $calibration.Path interrupted.gguf
        $command = "New-QuantRecipe m-f16.gguf 4MB -AllowedType q4_0, q8_0 -ThreadCount 1 -Calibration interrupted.gguf"
        $null = Invoke-Interrupted $command -When { Test-Path interrupted.gguf.cost }
        (Get-FileHash interrupted.gguf).Hash | Should -Be $untouched
        $again = Invoke-Streams "$command -Verbose"
        $again.Verbose -match '^[1-9]\d? errors and \d+ coefficients were measured by an earlier run that did not finish\.$' | Should -HaveCount 1
        (Get-GgufMetadata interrupted.gguf calibration.cost.groups).Value | Should -HaveCount 23
        Get-ChildItem *.cost | Should -BeNullOrEmpty
        Remove-Item m-4MB.psd1
    }

    Context 'measured' {
        BeforeAll {
            $result = Invoke-Streams "New-QuantRecipe m-f16.gguf 3MB, 3.5MB -AllowedType 'q?_k', q8_0 -ThreadCount 1 -Calibration '$calibration' -Verbose"
            $recipe = $result.Output[0]
        }

        It 'measures each group once, and keeps it in the calibration' {
            $result.Warning -like '*not by measurements*' | Should -BeNullOrEmpty
            $result.Verbose -match '^23 groups of tensors of .m-f16\.gguf. were measured on 1024 tokens\.$' | Should -HaveCount 1
            $id = (Get-GgufMetadata $calibration calibration.id).Value
            (Get-GgufMetadata $calibration calibration.cost.groups).Value | Should -HaveCount 23
            $again = Invoke-Streams "New-QuantRecipe m-f16.gguf 3.2MB -AllowedType 'q?_k', q8_0 -Calibration '$calibration' -Verbose"
            $again.Verbose -match 'measured on|errors of tensors' | Should -BeNullOrEmpty
            $more = Invoke-Streams "ConvertTo-Quantized m-f16.gguf -TargetSize 3.2MB -AllowedType 'q?_k', q8_0, q4_1 -Calibration '$calibration' -WhatIf -Verbose"
            $more.Warning | Should -BeNullOrEmpty
            $more.Verbose -match '^44 errors of tensors and types are not in .*, and were estimated; 264 are\.$' | Should -HaveCount 1
            $again.Output.ExpectedDivergence | Should -BeLessThan $recipe.ExpectedDivergence
            (Get-GgufMetadata $calibration calibration.id).Value | Should -Be $id
        }

        It 'writes recipes named by their sizes' {
            $result.Output.Path | Should -Be (Join-Path $PWD m-3MB.psd1), (Join-Path $PWD m-3.5MB.psd1)
            $recipe.Size | Should -BeLessOrEqual 3MB
            $recipe.Size | Should -BeGreaterThan (0.998 * 3MB)
            $recipe.Rules | Should -BeGreaterThan 5
            $recipe | Out-String | Should -Match 'm-3MB\.psd1'
        }

        It 'makes the same file from a recipe as from the size' {
            $plan = Get-QuantPlan m-f16.gguf -TargetSize 3MB -AllowedType 'q?_k', q8_0 -Calibration $calibration
            $byRecipe = Get-QuantPlan m-f16.gguf Q4_K_M -Recipe $recipe -Calibration $calibration
            $byRecipe.Tensors.Type | Should -Be $plan.Tensors.Type
            $byRecipe.Size | Should -Be $plan.Size
            $plan.ExpectedDivergence | Should -Be $recipe.ExpectedDivergence
            ($plan.Tensors | Where-Object Name -EQ output.weight).Coefficient | Should -BeGreaterThan 0
            ($plan.Tensors | Where-Object Name -EQ output_norm.weight).Coefficient | Should -BeNullOrEmpty
            $plan | Out-String | Should -Match 'expected KL divergence 0\.\d+ nats per token'
        }

        It 'quantizes to bits per weight, one file each' {
            $made = ConvertTo-Quantized m-f16.gguf -TargetBitsPerWeight 4.25, 3.5 @few -Calibration $calibration
            $made.Path | Should -Be (Join-Path $PWD m-4.25bpw.gguf), (Join-Path $PWD m-3.5bpw.gguf)
            $made[0].BitsPerWeight | Should -BeLessOrEqual 4.25
            $made[1].BitsPerWeight | Should -BeLessOrEqual 3.5
            (Get-GgufMetadata $made[0] quantize.calibration.id).Value | Should -Be (Get-GgufMetadata $calibration calibration.id).Value
            Test-Gguf $made | Where-Object Severity -EQ Error | Should -BeNullOrEmpty
        }

        It 'leaves room for the context with -TargetMemory' {
            $run = @{ ContextLength = 1024; CacheType = 'Q8_0' }
            $file = ConvertTo-Quantized m-f16.gguf -TargetMemory 12MB @run @few -Calibration $calibration -WarningAction Ignore
            $file.Path | Should -Be (Join-Path $PWD m-12MBmem.gguf)
            $memory = (Get-GgufInfo $file @run).Memory
            $memory | Should -BeLessOrEqual 12MB
            $memory | Should -BeGreaterThan (0.99 * 12MB)
            $more = Get-QuantPlan m-f16.gguf -TargetMemory 12MB -ContextLength 1280 -CacheType Q8_0 -AllowedType 'q?_k', q8_0 -Calibration $calibration -WarningAction Ignore
            $more.Size | Should -BeLessThan $file.Size
            (New-QuantRecipe m-f16.gguf -TargetMemory 12MB @run @few -Calibration $calibration -WarningAction Ignore).Path |
                Should -Be (Join-Path $PWD m-12MBmem.psd1)
        }

        It 'uses a card with -GpuMemory, and the host for the rest' {
            $run = @{ ContextLength = 1024; CacheType = 'Q8_0'; GpuMemory = 11MB }
            $file = ConvertTo-Quantized m-f16.gguf -TargetMemory 6MB @run @few -Calibration $calibration -WarningAction Ignore
            $file.Path | Should -Be (Join-Path $PWD m-6MBmem.gguf)
            $info = Get-GgufInfo $file @run
            $info.GpuMemory | Should -BeLessOrEqual 11MB
            $info.Memory - $info.GpuMemory | Should -BeLessOrEqual 6MB
            $alone = Get-QuantPlan m-f16.gguf -TargetMemory 12MB -ContextLength 1024 -CacheType Q8_0 -AllowedType 'q?_k', q8_0 -Calibration $calibration -WarningAction Ignore
            $file.Size | Should -BeGreaterThan $alone.Size
            { Get-QuantPlan m-f16.gguf -TargetMemory 6MB -CpuMoe -Calibration $calibration } | Should -Throw -ErrorId 'ParameterMissing,*'
        }

        It 'chooses types for files that are rounded as llama.cpp does with -ImportanceMatrix' {
            $recipe = New-QuantRecipe m-f16.gguf 3MB @few -ImportanceMatrix $calibration -Destination plain.psd1
            $file = ConvertTo-Quantized m-f16.gguf -TargetSize 3MB @few -ImportanceMatrix $calibration -Destination plain.gguf
            (Get-GgufMetadata $calibration calibration.ggml_cost.groups).Value | Should -HaveCount 23
            Get-GgufMetadata $file quantize.calibration.* | Should -BeNullOrEmpty
            (Get-GgufMetadata $file quantize.imatrix.file).Value | Should -Be $calibration.Path
            $again = ConvertTo-Quantized m-f16.gguf Q4_K_M -Recipe $recipe -ImportanceMatrix $calibration -Destination again.gguf
            (Get-GgufTensor $again).Type | Should -Be (Get-GgufTensor $file).Type
            $file.Size | Should -BeLessOrEqual 3MB
            Get-Content $recipe.Path -Raw | Should -BeLike '*-ImportanceMatrix *'
        }

        It 'goes by roles with -DefaultCoefficient, and says so' {
            $default = Invoke-Streams "Get-QuantPlan m-f16.gguf -TargetSize 3MB -AllowedType 'q?_k', q8_0 -DefaultCoefficient -Calibration '$calibration'"
            $default.Warning -like '*as -DefaultCoefficient asks for*' | Should -HaveCount 1
            $default.Output.Size | Should -BeLessOrEqual 3MB
        }
    }

    It 'rejects <Arguments>' -ForEach @(
        @{ Arguments = @{ TargetSize = 3MB; Type = 'Q4_K_M' }; Id = 'ParametersExclusive' }
        @{ Arguments = @{ TargetSize = 3MB; TargetBitsPerWeight = 4; Pure = $true }; Id = 'ParametersExclusive' }
        @{ Arguments = @{ TargetMemory = 3MB; Type = 'Q4_K_M' }; Id = 'ParametersExclusive' }
        @{ Arguments = @{ TargetSize = 3MB; ContextLength = 4096 }; Id = 'ParameterMissing' }
        @{ Arguments = @{ TargetSize = 3MB; GpuMemory = 8GB }; Id = 'ParameterMissing' }
        @{ Arguments = @{ Type = 'Q4_K_M'; AllowedType = 'q4_k' }; Id = 'ParameterMissing' }
        @{ Arguments = @{ TargetSize = 3MB; ImportanceMatrix = 'm-calibration.gguf' }; Id = 'ParametersExclusive' }
        @{ Arguments = @{ TargetSize = 3MB, 4MB; Destination = 'one.gguf' }; Id = 'DestinationIsFile' }
        @{ Arguments = @{ TargetSize = 3MB; AllowedType = 'q9_*' }; Id = 'ParameterArgumentTransformationError' }
    ) {
        { ConvertTo-Quantized m-f16.gguf @Arguments -Calibration $calibration } | Should -Throw -ErrorId "$Id,$convert"
    }

    It 'needs a calibration' {
        { ConvertTo-Quantized m-f16.gguf -TargetSize 3MB } | Should -Throw -ErrorId "ParameterMissing,$convert"
        { New-QuantRecipe m-f16.gguf -Calibration $calibration } | Should -Throw -ErrorId "SizeMissing,$class"
        { New-QuantRecipe m-f16.gguf 3MB } | Should -Throw -ErrorId "CalibrationMissing,$class"
        { ConvertTo-Quantized m-f16.gguf -TargetSize 3MB -ImportanceMatrix m-f16.gguf } | Should -Throw '*New-QuantCalibration makes*' -ErrorId "InvalidCalibration,$convert"
    }

    It 'rejects a calibration of another model' {
        Copy-Patched $Samples.Model other.gguf -From blk.0.attn_q -To blk.0.attn_z
        $failure = ConvertTo-Quantized other.gguf -TargetSize 3MB -Calibration $calibration -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "InvalidCalibration,$convert"
    }

    It 'misses no engine that was named' {
        Copy-Item $Samples.Model n-f16.gguf
        $fresh = New-QuantCalibration n-f16.gguf $Samples.Calibration -ChunkCount 1 -ThreadCount 1 -WarningAction Ignore
        $failure = New-QuantRecipe n-f16.gguf 4MB -AllowedType q4_0, q8_0 -Engine None -Calibration $fresh -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "EngineMissing,$class"
    }
}
