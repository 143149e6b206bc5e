# What no file and no folder may bring about, whichever cmdlet works on it.
Describe 'An importance matrix' {
    BeforeAll {
        Push-Location (New-TestFolder)
        $null = New-ImportanceMatrix $Samples.Model $Samples.Calibration -Destination own.gguf -Chunks 2
        # The sample's matrix is another model's to a model whose layers are named otherwise.
        $null = New-TestGguf other.gguf -Tensor ([ordered] @{ 'token_embd.weight' = 256, 4; 'blk.70.attn_q.weight' = 256, 4 })
    }
    AfterAll { Pop-Location }

    It 'is used without a word where it is the model''s' {
        $plan = Get-QuantPlan $Samples.Model Q4_K_M -ImportanceMatrix own.gguf -WarningVariable warnings
        $warnings | Should -BeNullOrEmpty
        $plan.Tensors.Rule | Should -Not -BeLike '*without importance'
    }

    It 'causes one warning if it belongs to another model, and is not recorded in the file' {
        $plan = Get-QuantPlan other.gguf Q4_K_M -ImportanceMatrix own.gguf -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings | Should -HaveCount 1
        $warnings | Should -BeLike '*belongs to another model: none of its 42 entries*'
        ($plan.Tensors | Where-Object Name -eq blk.70.attn_q.weight).Rule | Should -BeLike '*without importance'
        $null = ConvertTo-Quantized other.gguf Q4_K_M -ImportanceMatrix own.gguf -Destination made.gguf -WarningAction SilentlyContinue
        (Get-GgufMetadata made.gguf).Key | Should -Not -BeLike '*imatrix*'
    }
}

Describe 'A model that is not a language model' {
    BeforeEach { Push-Location (New-TestFolder) }
    AfterEach { Pop-Location }

    It 'is quantized by its own rules if it is a known image model' {
        $null = New-TestGguf image.gguf ([ordered] @{ 'general.architecture' = 'flux' }) ([ordered] @{ 'img_in.weight' = 256, 4; 'double_blocks.0.img_attn.qkv.weight' = 256, 4 })
        $null = ConvertTo-Quantized image.gguf Q4_K_M -Destination out.gguf -WarningVariable warnings
        $warnings | Should -BeNullOrEmpty
        (Get-GgufTensor out.gguf -Name img_in.weight).Type | Should -Be F32
        (Get-GgufTensor out.gguf -Name double_blocks.*).Type | Should -Be Q5_K
    }

    It 'is quantized with a warning otherwise' {
        $null = New-TestGguf sound.gguf ([ordered] @{ 'general.architecture' = 'vocoder' }) ([ordered] @{ 'encoder.0.weight' = 256, 4 })
        $null = ConvertTo-Quantized sound.gguf Q4_0 -Destination out.gguf -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings | Should -BeLike "*'sound.gguf' has neither token embeddings nor layers of a language model*"
        'out.gguf' | Should -Exist
    }
}

BeforeDiscovery {
    # What takes text of another kind; every other parameter for text takes a file.
    $noFile = 'Destination', 'Device', 'Engine', 'ExcludeWeight', 'Hash', 'IncludeWeight', 'Key', 'ModelName', 'Name', 'PreTokenizer', 'Prompt', 'Remove', 'Repository', 'Title', 'Type'
    # Export-QuantReport reads no file.
    $files = foreach ($command in Get-Command -Module GgufQuant -CommandType Cmdlet | Where-Object Name -NE Export-QuantReport) {
        foreach ($parameter in $command.Parameters.Values) {
            $isOwn = $parameter.Name -notin [Management.Automation.PSCmdlet]::CommonParameters -and $parameter.Name -notin $noFile
            if ($isOwn -and $parameter.ParameterType -in [string], [string[]]) { @{ Cmdlet = $command.Name; Parameter = $parameter.Name } }
        }
    }
}

Describe 'A pipe' -Skip:$IsWindows {
    BeforeAll {
        Push-Location (New-TestFolder)
        $model = $Samples.Model
        $null = New-TestImatrix matrix.dat
        $null = New-QuantCalibration $model $Samples.Calibration -Destination calibration.gguf -ChunkCount 1 -WarningAction Ignore
        mkfifo pipe.gguf
        # What the cmdlets need beside it.
        $quantization = @{ Path = $model; Type = 'Q8_0' }
        $given = @{
            'Compare-Quant'              = @{ Path = $model; Reference = $model; Corpus = $Samples.HeldOut; ChunkCount = 1 }
            'ConvertTo-Gguf'             = @{ Path = Join-Path $Samples.Root tests GgufQuant.Tests HuggingFace golden llama3_bpe in; Destination = 'out.gguf' }
            'ConvertTo-ImportanceMatrix' = @{ Path = 'matrix.dat'; Format = 'Gguf'; Destination = 'out.gguf' }
            'ConvertTo-Quantized'        = $quantization + @{ Destination = 'out.gguf' }
            'Find-QuantType'             = @{ Path = $model; Memory = 1GB }
            'Get-QuantPlan'              = $quantization
            'Measure-GgufTask'           = @{ Path = $model; DataPath = Join-Path $Samples.Root samples continuations.txt; Reference = $model; Count = 1 }
            'Merge-ImportanceMatrix'     = @{ Path = 'matrix.dat'; Destination = 'out.gguf' }
            'New-ImportanceMatrix'       = @{ Path = $model; Corpus = $Samples.Calibration; Destination = 'out.gguf'; ChunkCount = 1 }
            'New-QuantCalibration'       = @{ Path = $model; Corpus = $Samples.Calibration; Destination = 'out.gguf'; ChunkCount = 1 }
            'New-QuantRecipe'            = @{ Path = $model; TargetBitsPerWeight = 6; Calibration = 'calibration.gguf'; DefaultCoefficient = $true; Destination = 'out.psd1' }
            'Set-GgufMetadata'           = @{ Path = $model; Metadata = @{ a = 'b' }; WhatIf = $true }
            'Split-Gguf'                 = @{ Path = $model; MaxTensor = 10; Destination = 'part' }
            'Merge-Gguf'                 = @{ Path = $model; Destination = 'out.gguf' }
            'Compare-GgufGeneration'     = @{ Path = $model; Prompt = 'It was'; MaxToken = 1; Reference = $model }
        }
    }
    AfterAll { Pop-Location }

    It 'is answered with an error at once by -<Parameter> of <Cmdlet>' -ForEach $files {
        $arguments = @{} + ($given[$Cmdlet] ?? @{})
        if ($Parameter -eq 'LiteralPath') { $arguments.Remove('Path') }
        if ($Parameter -in 'Corpus', 'ImportanceMatrix') { $arguments.Remove('Calibration') }
        $arguments[$Parameter] = 'pipe.gguf'
        $errors = Invoke-BesidePipe -Pipe pipe.gguf -Command $Cmdlet -Argument $arguments
        "$errors" | Should -BeLike '*pipe.gguf*is a pipe or a device*'
    }
}

Describe 'A file cut off in its data' {
    BeforeAll {
        Push-Location (New-TestFolder)
        $bytes = [IO.File]::ReadAllBytes($Samples.Model)
        [IO.File]::WriteAllBytes("$PWD/cut.gguf", $bytes[0..($bytes.Length / 2)])
    }
    AfterAll { Pop-Location }

    It 'is shown by <Cmdlet> as the whole file is, with an error' -ForEach @(
        @{ Cmdlet = 'Get-GgufInfo'; Property = 'Architecture', 'Tensors', 'WeightCount', 'Layers', 'Type', 'TensorSize' }
        @{ Cmdlet = 'Get-GgufTensor'; Property = 'Name', 'Type', 'Size', 'Offset' }
        @{ Cmdlet = 'Get-GgufMetadata'; Property = 'Key', 'Value' }
    ) {
        $cut = & $Cmdlet cut.gguf -ErrorVariable failures -ErrorAction SilentlyContinue
        $failures | Should -HaveCount 1
        $failures.FullyQualifiedErrorId | Should -BeLike 'InvalidGguf,*'
        "$failures" | Should -BeLike '*cut.gguf*so the file is truncated: download it again*'
        $whole = & $Cmdlet $Samples.Model
        ($cut | Select-Object $Property | ConvertTo-Json) | Should -BeExactly ($whole | Select-Object $Property | ConvertTo-Json)
    }

    It 'gives the statistics of what is there, and one error' {
        $measured = Get-GgufTensor cut.gguf -Statistics -ErrorVariable failures -ErrorAction SilentlyContinue
        $failures | Should -HaveCount 1
        "$failures" | Should -BeLike '*so the file is truncated*'
        $measured.Count | Should -BeGreaterThan 5
        ($measured | Select-Object Name, Mean | ConvertTo-Json) | Should -BeExactly (
            Get-GgufTensor $Samples.Model -Statistics | Select-Object -First $measured.Count | Select-Object Name, Mean | ConvertTo-Json)
    }

    It 'is not worked on' {
        $failure = ConvertTo-Quantized cut.gguf Q8_0 -Destination out.gguf -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -BeLike 'InvalidGguf,*'
        Test-Gguf cut.gguf | Should -BeFalse
        'out.gguf' | Should -Not -Exist
    }
}

Describe 'A text' {
    BeforeAll {
        Push-Location (New-TestFolder)
        $text = [IO.File]::ReadAllText($Samples.HeldOut).Substring(0, 20000)
        $mark = [byte[]] (0xEF, 0xBB, 0xBF)
        $forms = @{
            'plain.txt'  = [Text.Encoding]::UTF8.GetBytes($text)
            'utf16.txt'  = [byte[]] (0xFF, 0xFE) + [Text.Encoding]::Unicode.GetBytes($text.Replace("`n", "`r`n"))
            'mark.txt'   = $mark + [Text.Encoding]::UTF8.GetBytes($text)
            'latin1.txt' = [Text.Encoding]::Latin1.GetBytes("caf$([char] 0xE9) $text")
        }
        foreach ($name in $forms.Keys) { [IO.File]::WriteAllBytes("$PWD/$name", $forms[$name]) }
        $how = @{ ChunkCount = 1; ContextLength = 64 }
    }
    AfterAll { Pop-Location }

    It 'gives the same results in any encoding, with one warning where it is not plain UTF-8 with line feeds' {
        $plain = New-ImportanceMatrix $Samples.Model plain.txt -Destination plain.gguf @how -WarningVariable warned
        $warned | Should -BeNullOrEmpty
        $other = New-ImportanceMatrix $Samples.Model utf16.txt -Destination utf16.gguf @how -WarningVariable warned -WarningAction SilentlyContinue
        $warned | Should -HaveCount 1
        $warned | Should -BeLike "'utf16.txt' is not plain UTF-8 with line feeds: it is converted from UTF-16; its * Windows line endings are read as line feeds. llama.cpp takes the bytes as they are*"
        $other.Perplexity | Should -Be $plain.Perplexity
    }

    It 'makes Compare-Quant write a warning' {
        $result = Compare-Quant $Samples.Model -Reference $Samples.Model -Corpus mark.txt @how -WarningVariable warned -WarningAction SilentlyContinue
        $warned | Should -BeLike "'mark.txt' is not plain UTF-8*its byte order mark is left out*"
        $result | Should -Not -BeNullOrEmpty
    }

    It 'makes New-QuantCalibration write a warning' {
        $null = New-QuantCalibration $Samples.Model latin1.txt -Destination c.gguf @how -WarningVariable warned -WarningAction SilentlyContinue
        @($warned -like '*1 of its bytes are not UTF-8, perhaps because it is in Latin-1*') | Should -HaveCount 1
    }

    It 'may be a recipe in any Unicode, but none in Latin-1' {
        $recipe = "@{ Rules = @(@{ Tensor = 'attn_v'; Type = 'q6_K' }) } # caf$([char] 0xE9)"
        Set-Content utf16.psd1 $recipe -Encoding unicode
        (Get-QuantPlan $Samples.Model Q4_0 -Recipe utf16.psd1 -WarningVariable warned).Tensors | Where-Object Name -like '*attn_v*' | ForEach-Object { "$($_.Type)" | Should -Be Q6_K }
        $warned | Should -BeNullOrEmpty
        [IO.File]::WriteAllBytes("$PWD/latin1.psd1", [Text.Encoding]::Latin1.GetBytes($recipe))
        { Get-QuantPlan $Samples.Model Q4_0 -Recipe latin1.psd1 -ErrorAction Stop } | Should -Throw '*1 of its bytes are not UTF-8*'
    }
}

Describe 'A library planted in the current folder or on LD_LIBRARY_PATH' {
    BeforeEach { Push-Location (New-TestFolder) }
    AfterEach { Pop-Location }

    It 'is never loaded' -Skip:(-not $IsLinux -or -not (Get-Command clang, gcc -ErrorAction Ignore)) {
        $compiler = (Get-Command clang, gcc -ErrorAction Ignore)[0].Source
        Set-Content p.c '#include <stdio.h>
__attribute__((constructor)) static void run(void) { FILE *file = fopen(PLANTED, "a"); if (file) fclose(file); }'
        & $compiler -shared -fPIC "-DPLANTED=`"$PWD/loaded`"" -o p.so p.c
        $null = ConvertTo-Quantized $Samples.Model Q8_0 -Destination q.gguf
        foreach ($folder in '.', 'runtimes/linux-x64/native', 'runtimes/linux-x64/native/avx2', 'runtimes/linux-x64/native/avx512', 'runtimes/linux-x64/native/noavx') {
            $null = New-Item $folder -ItemType Directory -Force
            foreach ($name in 'llama', 'ggml', 'ggml-base', 'ggml-cpu', 'mtmd', 'cuda', 'OpenCL', 'gomp', 'vulkan') {
                foreach ($suffix in 'so', 'so.1') { Copy-Item p.so "$folder/lib$name.$suffix" }
            }
        }
        # A clumsy path variable names the current folder, which comes before the system's; another folder comes after it.
        $null = New-Item other -ItemType Directory
        Copy-Item p.so other/libgomp.so.1
        $clumsy = @{ LD_LIBRARY_PATH = ":.:$PWD/other:" }
        $result = Invoke-PowerShell -Environment $clumsy "Import-Module '$($Samples.Manifest)'; `$null = Get-QuantDevice; Compare-Quant q.gguf -Reference '$($Samples.Model)' -Corpus '$($Samples.HeldOut)' -Chunks 1 | Format-List Perplexity"
        "$($result.Output)$result" | Should -BeLike '*Perplexity*'
        'loaded' | Should -Not -Exist
        # It would have shown.
        $null = [Runtime.InteropServices.NativeLibrary]::Load("$PWD/p.so")
        'loaded' | Should -Exist
    }
}
