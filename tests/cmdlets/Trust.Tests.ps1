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

Describe 'A model that is no language model' {
    BeforeEach { Push-Location (New-TestFolder) }
    AfterEach { Pop-Location }

    It 'is quantized with a warning' {
        $null = New-TestGguf image.gguf ([ordered] @{ 'general.architecture' = 'flux' }) ([ordered] @{ 'img_in.weight' = 256, 4; 'double_blocks.0.img_attn.qkv.weight' = 256, 4 })
        $null = ConvertTo-Quantized image.gguf Q4_0 -Destination out.gguf -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings | Should -BeLike "*'image.gguf' has neither token embeddings nor layers of a language model*"
        'out.gguf' | Should -Exist
    }
}

Describe 'A pipe' {
    BeforeEach { Push-Location (New-TestFolder) }
    AfterEach { Pop-Location }

    It 'is answered with an error at once by <_>' -Skip:$IsWindows -ForEach 'Get-GgufInfo', 'Get-GgufTensor', 'Get-GgufMetadata', 'Get-ImportanceMatrix' {
        mkfifo pipe.gguf
        $result = Invoke-PowerShell "Import-Module '$($Samples.Manifest)'; $_ pipe.gguf 2>&1 | Out-String" -TimeoutSeconds 60
        "$($result.Output)$result" | Should -BeLike '*is a pipe or a device*'
    }
}

Describe 'A library planted in the current folder' {
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
            foreach ($name in 'llama', 'ggml', 'ggml-base', 'ggml-cpu', 'mtmd', 'cuda', 'OpenCL') {
                foreach ($suffix in 'so', 'so.1') { Copy-Item p.so "$folder/lib$name.$suffix" }
            }
        }
        $result = Invoke-PowerShell "Import-Module '$($Samples.Manifest)'; `$null = Get-QuantDevice; Compare-Quant q.gguf -Reference '$($Samples.Model)' -Corpus '$($Samples.HeldOut)' -Chunks 1 | Format-List Perplexity"
        "$($result.Output)$result" | Should -BeLike '*Perplexity*'
        'loaded' | Should -Not -Exist
        # It would have shown.
        $null = [Runtime.InteropServices.NativeLibrary]::Load("$PWD/p.so")
        'loaded' | Should -Exist
    }
}
