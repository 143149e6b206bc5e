BeforeAll {
    $class = 'GgufQuant.Commands.ConvertToGgufCommand'
    $golden = Join-Path $Samples.Root tests GgufQuant.Tests HuggingFace golden

    # The SHA-256 that llama.cpp's converter gives.
    function Get-Expected($Case, $Label) { ((Get-Content (Join-Path $golden $Case out "$Label.txt") -TotalCount 1) -split ' ')[1] }
    filter Get-Hash { (Get-FileHash -LiteralPath ($_.Path ?? $_)).Hash.ToLower() }
}

Describe 'ConvertTo-Gguf' {
    BeforeEach {
        Push-Location (New-TestFolder)
        Copy-Item (Join-Path $golden llama3_bpe in) tiny -Recurse
        $how = @{ PreTokenizer = 'llama-bpe' }
    }

    AfterEach {
        Pop-Location
    }

    It 'writes the file of llama.cpp''s converter' {
        $folder = (Get-Content (Join-Path $golden llama3_bpe case.json) | ConvertFrom-Json).folder ?? 'llama3_bpe'
        Rename-Item tiny $folder
        ConvertTo-Gguf $folder F16 @how | Get-Hash | Should -Be (Get-Expected llama3_bpe f16)
    }

    It 'writes beside the folder, in the type that the weights have' {
        $file = ConvertTo-Gguf tiny @how
        Split-Path $file.Path | Should -Be $PWD.Path
        $file.Path | Should -BeLike '*BF16.gguf'
        $file | Should -BeOfType GgufQuant.Commands.QuantizedFile
        $file.Type | Should -Be BF16
        $file.Source | Should -Be (Join-Path $PWD tiny)
        $file.Size | Should -Be (Get-Item $file.Path).Length
        $file.Paths | Should -Be $file.Path
        (Get-GgufInfo $file).Architecture | Should -Be llama
    }

    It 'takes folders from the pipeline, and wildcards' {
        Copy-Item tiny tiny2 -Recurse
        $null = New-Item other -ItemType Directory
        Set-Content notes.txt none
        (Get-ChildItem -Directory -Filter tiny* | ConvertTo-Gguf -Destination a @how).Count | Should -Be 2
        (ConvertTo-Gguf * -Destination b @how).Count | Should -Be 2
    }

    It 'splits' {
        $file = ConvertTo-Gguf tiny -SplitMaxTensor 10 -Destination m.gguf @how
        $file.Paths.Count | Should -BeGreaterThan 1
        $file.Path | Should -BeLike '*m-00001-of-0000?.gguf'
        (Get-GgufInfo $file).Shards | Should -Be $file.Paths.Count
    }

    It 'writes shards apart, and keeps those that are finished' {
        $null = New-Item whole, apart -ItemType Directory
        $whole = ConvertTo-Gguf tiny -SplitMaxTensor 5 -Destination whole/m.gguf @how
        $count = $whole.Paths.Count
        $part = ConvertTo-Gguf tiny -SplitMaxTensor 5 -Shard 2 -Destination apart/m.gguf @how
        $part.Paths | Should -Be (Get-ChildItem apart).FullName
        $part.Size | Should -Be (Get-Item $part.Path).Length
        $part.SourceSize | Should -BeLessThan $whole.SourceSize
        $rest = ConvertTo-Gguf tiny -SplitMaxTensor 5 -SkipExisting -Destination apart/m.gguf @how
        $rest.KeptPaths | Should -Be $part.Path
        $rest.Size | Should -Be $whole.Size
        $rest.Paths | Get-Hash | Should -Be ($whole.Paths | Get-Hash)
        { ConvertTo-Gguf tiny -SplitMaxTensor 5 -Shard 99 @how -ErrorAction Stop } | Should -Throw "*it has $count shards." -ErrorId "NoSuchShard,$class"
        { ConvertTo-Gguf tiny -Shard 1 @how } | Should -Throw '-Shard only applies with -SplitMaxSize or -SplitMaxTensor.*'
    }

    It 'takes a name, metadata and the vocabulary alone' {
        Set-Content general.json '{ "general.author": "Somebody" }'
        $file = ConvertTo-Gguf tiny -ModelName 'My Model' -Metadata general.json -VocabularyOnly -Destination v.gguf @how
        (Get-GgufMetadata $file general.name).Value | Should -Be 'My Model'
        (Get-GgufMetadata $file general.author).Value | Should -Be Somebody
        Get-GgufTensor $file | Should -BeNullOrEmpty
    }

    It 'writes nothing for -WhatIf' {
        ConvertTo-Gguf tiny -WhatIf @how
        (Get-ChildItem).Name | Should -Be tiny
    }

    It 'replaces files only with -Force' {
        $file = ConvertTo-Gguf tiny @how
        { ConvertTo-Gguf tiny @how } | Should -Throw -ErrorId "DestinationExists,$class"
        (ConvertTo-Gguf tiny -Force @how).Path | Should -Be $file.Path
    }

    It 'names the values that it fills in' {
        $config = Get-Content tiny/config.json | ConvertFrom-Json
        $config.PSObject.Properties.Remove('head_dim')
        $config | ConvertTo-Json -Depth 9 | Set-Content tiny/config.json
        $lines = ConvertTo-Gguf tiny -Verbose @how 4>&1
        "$lines" | Should -Match 'head_dim = 16 \(transformers, llama/configuration_llama.py\)'
    }

    It 'answers what it cannot convert' {
        { ConvertTo-Gguf none } | Should -Throw -ErrorId "FileNotFound,$class"
        $null = New-Item empty -ItemType Directory
        { ConvertTo-Gguf empty } | Should -Throw -ErrorId "InvalidModelFolder,$class" -ExpectedMessage '*has no config.json*'
        $null = New-TestGguf m.gguf
        { ConvertTo-Gguf m.gguf } | Should -Throw -ErrorId "PathIsFile,$class" -ExpectedMessage '*ConvertTo-Quantized takes GGUF files.'
        { ConvertTo-Gguf tiny/config.json } | Should -Throw -ErrorId "PathIsFile,$class" -ExpectedMessage '*Name the folder*tiny*'
        $failure = { ConvertTo-Gguf tiny } | Should -Throw -ErrorId "UnknownPreTokenizer,$class" -ExpectedMessage "*hash *'llama-bpe'*" -PassThru
        "$failure" | Should -BeLike '*-PreTokenizer of ConvertTo-Gguf and ConvertTo-Quantized takes it.'
        { ConvertTo-Gguf tiny -SplitMaxSize 1MB -SplitMaxTensor 2 } | Should -Throw -ErrorId "ParametersExclusive,$class"
    }
}

Describe 'A Hugging Face folder' {
    BeforeAll {
        Push-Location (New-TestFolder)
        # Its vocabulary is one that needs no name.
        Copy-Item (Join-Path $golden llama2_spm in) tiny -Recurse
        $null = ConvertTo-Gguf tiny -Destination tiny.gguf
    }

    AfterAll {
        Pop-Location
    }

    It 'is quantized to the file that its GGUF file would be' {
        $one = ConvertTo-Quantized tiny Q8_0, Q4_K_M -Destination one
        $two = ConvertTo-Quantized tiny.gguf Q8_0, Q4_K_M -Destination two
        $one | Get-Hash | Should -Be ($two | Get-Hash)
        (Split-Path $one.Path -Leaf) | Should -Be 'tiny-Q8_0.gguf', 'tiny-Q4_K_M.gguf'
        $rows = $one | Compare-Quant
        $rows | Should -HaveCount 3
        $rows[0].IsReference | Should -BeTrue
    }

    It 'is planned and judged like it' {
        (Get-QuantPlan tiny Q4_K_M).Size | Should -Be (Get-QuantPlan tiny.gguf Q4_K_M).Size
        (Find-QuantType tiny 1GB).Type | Should -Be (Find-QuantType tiny.gguf 1GB).Type
    }

    It 'is shown like it' {
        $folder, $file = Get-GgufInfo tiny, tiny.gguf
        foreach ($name in 'Architecture', 'WeightCount', 'Memory', 'TensorSize') { $folder.$name | Should -Be $file.$name }
        (Get-GgufTensor tiny).Name | Should -Be (Get-GgufTensor tiny.gguf).Name
        (Get-GgufMetadata tiny).Key | Should -Be (Get-GgufMetadata tiny.gguf).Key
    }

    It 'takes the name of a pre-tokenizer that is not recognized' {
        Copy-Item (Join-Path $golden llama3_bpe in) unknown -Recurse
        $how = @{ PreTokenizer = 'llama-bpe' }
        (Get-GgufInfo unknown -Metadata @how).Metadata['tokenizer.ggml.pre'] | Should -Be llama-bpe
        $plan = Get-QuantPlan unknown Q8_0 @how
        $file = ConvertTo-Quantized unknown Q8_0 @how
        $file.Size | Should -Be $plan.Size
        $null = ConvertTo-Gguf unknown -Destination unknown.gguf @how
        $null = Get-GgufInfo unknown.gguf @how -WarningVariable warnings 3>$null
        "$warnings" | Should -BeLike "*'unknown.gguf' is a GGUF file*"
        $file | Get-Hash | Should -Be (ConvertTo-Quantized unknown.gguf Q8_0 -Destination two | Get-Hash)
    }

    Context 'whose pre-tokenizer is not recognized' {
        BeforeAll {
            $null = New-Item strange -ItemType Directory
            Copy-Item (Join-Path $golden llama3_bpe in) strange/new -Recurse
            Push-Location strange
            $null = ConvertTo-Gguf new -PreTokenizer llama-bpe -Destination new.gguf
            $warning = "*hash *Its rules are those of 'llama-bpe'*-PreTokenizer of ConvertTo-Gguf and ConvertTo-Quantized takes it."
        }

        AfterAll {
            Pop-Location
        }

        It 'is shown, planned and judged, with one warning: <Name>' -ForEach @(
            @{ Name = 'Get-GgufInfo'; Use = { param($Model) (Get-GgufInfo $Model).WeightCount } }
            @{ Name = 'Get-GgufTensor'; Use = { param($Model) (Get-GgufTensor $Model).Name } }
            @{ Name = 'Get-GgufMetadata'; Use = { param($Model) (Get-GgufMetadata $Model).Key -ne 'tokenizer.ggml.pre' } }
            @{ Name = 'Get-QuantPlan'; Use = { param($Model) (Get-QuantPlan $Model Q8_0, Q4_K_M).Tensors.Type } }
            @{ Name = 'Find-QuantType'; Use = { param($Model) (Find-QuantType $Model 1GB).Type } }
        ) {
            $warnings, $folder = (& $Use new 3>&1).Where({ $_ -is [System.Management.Automation.WarningRecord] }, 'Split')
            $warnings | Should -HaveCount 1
            "$warnings" | Should -BeLike $warning
            $folder | Should -Be (& $Use new.gguf 3>&1)
        }

        It 'is the reference of its quantized files, with one warning' {
            $rows = ConvertTo-Quantized new Q8_0, Q4_0 -PreTokenizer llama-bpe -Destination two | Compare-Quant -WarningVariable warnings 3>$null
            $warnings | Should -HaveCount 1
            "$warnings" | Should -BeLike $warning
            $rows | Should -HaveCount 3
            $rows[0].Path | Should -Be (Join-Path $PWD new)
            $rows.RelativeRmsError | Should -Be (Compare-Quant $rows[1, 2].Path -Reference new.gguf).RelativeRmsError
            (Compare-Quant two/*Q8_0.gguf -Reference new -Detailed 3>$null).Name | Should -Be (Get-GgufTensor new.gguf).Name
        }

        It 'has recipes, of exact sizes once its name is given' {
            $how = @{ Calibration = (New-QuantCalibration new.gguf $Samples.Calibration -ChunkCount 1).Path; DefaultCoefficient = $true; AllowedType = 'q4_0', 'q8_0' }
            $recipe = New-QuantRecipe new 80KB @how -Destination a.psd1 -WarningVariable warnings 3>$null
            $warnings -like $warning | Should -HaveCount 1
            $named = New-QuantRecipe new 80KB @how -Destination b.psd1 -PreTokenizer llama-bpe -WarningVariable warnings 3>$null
            $warnings -like $warning | Should -BeNullOrEmpty
            $named.Size | Should -BeGreaterThan $recipe.Size
            $named.Size | Should -Be (New-QuantRecipe new.gguf 80KB @how -Destination c.psd1 3>$null).Size
        }

        It 'is not written, nor would be' {
            foreach ($write in
                { ConvertTo-Quantized new Q8_0 }, { ConvertTo-Quantized new Q8_0 -WhatIf }, { ConvertTo-Quantized new -Copy },
                { ConvertTo-Gguf new }, { ConvertTo-Gguf new -WhatIf }) {
                $failure = $write | Should -Throw -ErrorId 'UnknownPreTokenizer,*' -PassThru
                "$failure" | Should -BeLike $warning
            }
            Get-ChildItem *.gguf -Exclude *calibration* | Select-Object -ExpandProperty Name | Should -Be new.gguf
        }
    }

    It 'is read without a vocabulary that cannot be converted, but not written' {
        Copy-Item (Join-Path $golden llama3_bpe in) mistral -Recurse
        Remove-Item mistral/tokenizer.json
        Set-Content mistral/tekken.json '{}'
        $info = Get-GgufInfo mistral -WarningVariable warnings 3>$null
        $info.WeightCount | Should -BeGreaterThan 0
        $warnings | Should -HaveCount 1
        "$warnings" | Should -BeLike "*tekken.json*Mistral's own tokenizer format*The model is read without its vocabulary: sizes do not include it, and no GGUF file can be written."
        (Get-QuantPlan mistral Q8_0 3>$null).Size | Should -BeGreaterThan 0
        { ConvertTo-Quantized mistral Q8_0 -WhatIf } | Should -Throw -ErrorId 'InvalidModelFolder,*' -ExpectedMessage "*Mistral's own tokenizer format*"
    }

    It 'must be converted where a model is run, or edited' {
        foreach ($use in
            { Test-Gguf tiny }, { Split-Gguf tiny }, { New-ImportanceMatrix tiny $Samples.Calibration },
            { Compare-Quant tiny.gguf -Reference tiny -Corpus $Samples.Calibration }) {
            $use | Should -Throw -ErrorId 'GgufNeeded,*' -ExpectedMessage "*ConvertTo-Gguf '*tiny' makes one."
        }
    }
}
