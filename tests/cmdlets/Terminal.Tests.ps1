BeforeAll {
    $rendering = $PSStyle.OutputRendering
    $PSStyle.OutputRendering = 'PlainText'
    Push-Location $TestDrive

    # Sets a window's title, clears the screen, and turns text around.
    $evil = "$([char] 27)]0;owned$([char] 7)$([char] 0x9B)2J$([char] 0x202E)"
    $metadata = [ordered] @{ 'general.architecture' = "llama$evil"; 'general.name' = "name$evil"; "key$evil" = "value$evil" }
    $tensors = [ordered] @{ "blk.0.$evil.weight" = 256, 4; 'token_embd.weight' = 256, 4 }
    $null = New-TestGguf one.gguf $metadata $tensors
    $null = New-TestGguf two.gguf $metadata $tensors
    if (-not $IsWindows) { $null = New-TestGguf "file$evil.gguf" $metadata $tensors }

    function Assert-Printable($Text) {
        $Text | Should -Not -BeNullOrEmpty
        $Text | Should -Not -Match '[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202e]'
        $Text | Should -Match 'u001B'
    }
}

AfterAll {
    Pop-Location
    $PSStyle.OutputRendering = $rendering
}

Describe 'A terminal' {
    It 'gets no commands from the view of <Name>' -ForEach @(
        @{ Name = 'one model'; Work = { Get-GgufInfo one.gguf } }
        @{ Name = 'one model with metadata'; Work = { Get-GgufInfo one.gguf -Metadata } }
        @{ Name = 'several models'; Work = { Get-GgufInfo *.gguf } }
        @{ Name = 'tensors'; Work = { Get-GgufTensor one.gguf } }
        @{ Name = 'measured tensors'; Work = { Get-GgufTensor one.gguf -Statistics } }
        @{ Name = 'metadata'; Work = { Get-GgufMetadata one.gguf } }
        @{ Name = 'findings'; Work = { Test-Gguf *.gguf -Detailed } }
        @{ Name = 'a plan'; Work = { Get-QuantPlan one.gguf Q8_0 } }
        @{ Name = 'compared tensors'; Work = { Compare-Quant one.gguf -Reference two.gguf -Detailed } }
    ) {
        Assert-Printable (& $Work | Out-String -Width 200)
    }

    It 'gets no commands from an error' {
        $failures = Get-GgufInfo "none$evil.gguf", "file$evil.gguf" -ErrorAction SilentlyContinue -ErrorVariable errors
        $null = $failures
        foreach ($failure in $errors) { Assert-Printable ($failure | Out-String) }
        ConvertTo-Quantized one.gguf Q4_0 -PruneLayer 7 -Destination out.gguf -ErrorAction SilentlyContinue -ErrorVariable pruning
        $pruning[0].ToString() | Should -BeLike "*one.gguf': The model has no layer 7*"
    }

    It 'gets no commands from a warning' {
        $null = ConvertTo-Quantized one.gguf Q8_0 -TensorType "$([char] 27)x=q8_0" -Destination warned.gguf -WarningVariable warnings -WarningAction SilentlyContinue
        foreach ($warning in $warnings) { Assert-Printable $warning.Message }
    }
}
