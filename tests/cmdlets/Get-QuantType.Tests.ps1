Describe 'Get-QuantType' {
    Context 'Types' {
        It 'lists every file type once' {
            $types = (Get-QuantType).FileType
            $types | Sort-Object | Should -Be ([enum]::GetValues($types[0].GetType()) | Sort-Object)
        }

        It 'sorts by what is published of a type' {
            (Get-QuantType Q4_K_M, Q2_K, Q8_0 | Sort-Object KlDivergence).Name | Should -Be Q8_0, Q4_K_M, Q2_K
            (Get-QuantType Q4_K_M, Q2_K, Q8_0 | Sort-Object Perplexity).Name | Should -Be Q8_0, Q4_K_M, Q2_K
        }

        It 'chooses <expected> with <name>' -ForEach @(
            @{ Name = 'q4*'; Expected = 'Q4_1', 'Q4_K_M', 'Q4_K_S', 'Q4_0' }
            @{ Name = 'Q5_K*'; Expected = 'Q5_K_M', 'Q5_K_S' }
            @{ Name = 'Q6_K', 'Q8*'; Expected = 'Q6_K', 'Q8_0' }
            @{ Name = 'X*'; Expected = @() }
        ) {
            (Get-QuantType $name).Name | Should -Be $expected
        }
    }

    Context 'Names' {
        It 'explains <name> as <expected>' -ForEach @(
            @{ Name = 'Q4_K_M'; Expected = 'Q4_K_M' }
            @{ Name = 'q4_k_m'; Expected = 'Q4_K_M' }
            @{ Name = 'Q4_K'; Expected = 'Q4_K_M' }
            @{ Name = 'Llama-3.1-8B-Instruct-Q5_K_S.gguf'; Expected = 'Q5_K_S' }
            @{ Name = 'models/Qwen3-Q8/qwen.IQ2_XXS-00001-of-00003.gguf'; Expected = 'IQ2_XXS' }
            @{ Name = 'gpt-oss-20b-mxfp4.gguf'; Expected = 'MXFP4_MOE' }
            @{ Name = 'model-fp16.gguf'; Expected = 'F16' }
            @{ Name = 'model[1]-Q4_0.gguf'; Expected = 'Q4_0' }
        ) {
            (Get-QuantType -Name $name).Type | Should -Be $expected
            ($name | Get-QuantType).Type | Should -Be $expected
        }

        It 'explains files by their names' {
            $file = New-Item (Join-Path $TestDrive a-Q4_0.gguf)
            ($file | Get-QuantType).Type | Should -Be Q4_0
        }

        It 'explains the type of <what>' -ForEach @(
            @{ What = 'a model'; Item = { Get-GgufInfo $Samples.Model }; Expected = 'F16' }
            @{ What = 'a converted file'; Item = { ConvertTo-Quantized $Samples.Model Q8_0 -Destination $TestDrive }; Expected = 'Q8_0' }
            @{ What = 'a converted file that went through JSON'; Item = { ConvertTo-Quantized $Samples.Model Q4_K_M -Destination $TestDrive -Force | ConvertTo-Json -WarningAction Ignore | ConvertFrom-Json }; Expected = 'Q4_K_M' }
            @{ What = 'an object with a Type'; Item = { [pscustomobject] @{ Type = 'Q6_K' } }; Expected = 'Q6_K' }
        ) {
            (& $item | Get-QuantType).Name | Should -Be $expected
        }
    }

    Context 'Errors' {
        It 'explains what an unknown name means and continues with the next' {
            $types = 'Q4_K_XL', 'Q8_0' | Get-QuantType -ErrorVariable failure -ErrorAction SilentlyContinue
            $types.Name | Should -Be Q8_0
            $failure | Should -HaveCount 1
            $failure[0].FullyQualifiedErrorId | Should -Be 'UnknownQuantType,GgufQuant.Commands.GetQuantTypeCommand'
            $failure[0].CategoryInfo.Category | Should -Be ObjectNotFound
            $failure[0].TargetObject | Should -Be Q4_K_XL
            $failure[0].Exception.Message | Should -BeLike "'Q4_K_XL' is not one of llama.cpp's types*publisher's own selection*"
        }

        It 'takes no other object for a name' {
            $failure = [pscustomobject] @{ Source = 'model-f16.gguf' } | Get-QuantType -ErrorAction Continue 2>&1
            $failure.FullyQualifiedErrorId | Should -Be 'InputObjectNotBound,GgufQuant.Commands.GetQuantTypeCommand'
            { Get-QuantType @{ Name = 'f16' } } |
                Should -Throw -ErrorId 'ParameterArgumentTransformationError,GgufQuant.Commands.GetQuantTypeCommand' -ExpectedMessage '*is not the name of a type*'
        }

        It 'takes a pattern that is none for a name' {
            { Get-QuantType '[a' -ErrorAction Stop } |
                Should -Throw -ErrorId 'UnknownQuantType,GgufQuant.Commands.GetQuantTypeCommand'
        }
    }

    Context 'View' {
        It 'shows several types as a table' {
            Get-QuantType Q*_K* | Format-Lines | Assert-Golden QuantTypeTable
        }

        It 'explains one type in full' {
            Get-QuantType Q4_K_M | Format-Lines | Assert-Golden QuantTypeExplained
        }

        It 'lists a type as before after it was explained' {
            $list = Get-QuantType Q6_K, F16 | Format-Lines
            Get-QuantType Q6_K | Format-Lines | Should -Not -Be $list
            Get-QuantType Q6_K, F16 | Format-Lines | Should -Be $list
        }
    }

    Context 'Completion' {
        It 'offers names with what they are good for' {
            $offered = Complete-Line 'Get-QuantType Q5_K'
            $offered.CompletionText | Should -Be 'Q5_K_M', 'Q5_K_S'
            $offered[0].ToolTip | Should -BeLike '5.70 bits per weight. Very good quality*'
        }

        It 'offers the values of -Type' {
            (Complete-Line 'Get-QuantType -Type Q5_K').CompletionText | Should -Be 'Q5_K_M', 'Q5_K_S'
        }
    }
}
