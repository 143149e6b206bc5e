BeforeAll {
    $class = 'GgufQuant.Commands.SetGgufMetadataCommand'
    $metadata = [ordered] @{
        'general.architecture'                   = 'llama'
        'general.name'                           = 'Test'
        'general.license'                        = 'mit'
        'llama.context_length'                   = 256
        'llama.attention.layer_norm_rms_epsilon' = [single] 1e-5
        'tokenizer.ggml.add_bos_token'           = $true
        'tokenizer.ggml.tokens'                  = 'a', 'b'
    }
    function Get-Metadata([string] $Path = 'm.gguf') { (Get-GgufInfo $Path -Metadata).Metadata }
}

Describe 'Set-GgufMetadata' {
    BeforeEach {
        Push-Location (New-TestFolder)
        $model = New-TestGguf m.gguf -Metadata $metadata
        $before = (Get-FileHash m.gguf).Hash
    }

    AfterEach {
        Pop-Location
    }

    It 'changes a value in place, and keeps its type' {
        $change = Set-GgufMetadata m.gguf @{ 'llama.context_length' = 512 } -PassThru
        $change.Change | Should -Be 'InPlace'
        $change.Path | Should -Be $model.FullName
        $value = (Get-Metadata).'llama.context_length'
        $value | Should -BeOfType uint
        $value | Should -Be 512
        (Get-Item m.gguf).Length | Should -Be $model.Length
    }

    It 'adds keys and removes others' {
        (Set-GgufMetadata m.gguf @{ 'my.numbers' = 1..30 } -Remove general.license -PassThru).Change | Should -Be 'Rewritten'
        $changed = Get-Metadata
        $changed.'my.numbers' | Should -Be (1..30)
        @($changed.Keys)[-1] | Should -Be 'my.numbers'
        $changed.Keys | Should -Not -Contain 'general.license'
        (Get-GgufTensor m.gguf).Name | Should -Be 'token_embd.weight'
    }

    It 'leaves a file alone that is as wanted' {
        (Set-GgufMetadata m.gguf @{ 'general.name' = 'Test' } -PassThru).Change | Should -Be 'Unchanged'
        (Get-Item m.gguf).LastWriteTimeUtc | Should -Be $model.LastWriteTimeUtc
    }

    It 'returns nothing unless asked to' {
        Set-GgufMetadata m.gguf @{ 'general.name' = 'New' } | Should -BeNullOrEmpty
        (Get-Metadata).'general.name' | Should -Be 'New'
    }

    It 'gives a new key the type of its value: <Value.GetType().Name>' -ForEach @(
        @{ Value = 'text' }, @{ Value = $true }, @{ Value = [byte] 1 }, @{ Value = [sbyte] -1 }, @{ Value = [int16] -2 }
        @{ Value = [uint16] 2 }, @{ Value = -3 }, @{ Value = [uint32] 3 }, @{ Value = [int64] -4 }, @{ Value = [uint64] 4 }
        @{ Value = [single] 0.5 }, @{ Value = 0.25 }
    ) {
        Set-GgufMetadata m.gguf @{ 'my.key' = $Value }
        $written = (Get-Metadata).'my.key'
        $written | Should -BeOfType $Value.GetType()
        $written | Should -Be $Value
    }

    It 'turns <Value> into the type of <Key>' -ForEach @(
        @{ Key = 'general.alignment'; Value = 64; Expected = [uint32] 64 }
        @{ Key = 'tokenizer.ggml.add_bos_token'; Value = 'True'; Expected = $true }
        @{ Key = 'general.name'; Value = 7; Expected = '7' }
        @{ Key = 'tokenizer.ggml.tokens'; Value = @(1, 'b'); Expected = '1', 'b' }
        @{ Key = 'llama.attention.layer_norm_rms_epsilon'; Value = '2.5e-6'; Expected = [single] 2.5e-6 }
        @{ Key = 'llama.attention.layer_norm_rms_epsilon'; Value = 0.1; Expected = [single] 0.1 }
        @{ Key = 'llama.attention.layer_norm_rms_epsilon'; Value = 1; Expected = [single] 1 }
        @{ Key = 'llama.attention.layer_norm_rms_epsilon'; Value = [double]::PositiveInfinity; Expected = [single]::PositiveInfinity }
    ) {
        Set-GgufMetadata m.gguf @{ $Key = $Value }
        $written = (Get-Metadata).$Key
        $written | Should -BeOfType @($Expected)[0].GetType()
        $written | Should -Be $Expected
    }

    It 'gives the new key <Key> the type that llama.cpp takes: <Expected.GetType().Name>' -ForEach @(
        @{ Key = 'tokenizer.ggml.eot_token_id'; Value = 2; Expected = [uint32] 2 }
        @{ Key = 'tokenizer.ggml.add_eos_token'; Value = $true; Expected = $true }
        @{ Key = 'tokenizer.ggml.scores'; Value = 1, 0.5; Expected = [single[]] (1, 0.5) }
        @{ Key = 'tokenizer.ggml.token_type'; Value = [byte[]] (1, 3); Expected = [int[]] (1, 3) }
        @{ Key = 'llama.rope.freq_base'; Value = 500000; Expected = [single] 500000 }
        @{ Key = 'llama.attention.head_count'; Value = 4; Expected = [uint32] 4 }
        @{ Key = 'llama.attention.head_count_kv'; Value = 4, 2; Expected = [uint32[]] (4, 2) }
        @{ Key = 'llama.rope.scaling.original_context_length'; Value = 64; Expected = [uint32] 64 }
        @{ Key = 'general.file_type'; Value = 7; Expected = [uint32] 7 }
        @{ Key = 'general.description'; Value = 7; Expected = '7' }
    ) {
        Set-GgufMetadata m.gguf @{ $Key = $Value } -WarningAction Ignore
        $written = (Get-Metadata).$Key
        , $written | Should -BeOfType $Expected.GetType()
        $written | Should -Be $Expected
    }

    It 'mends a key that has another type than llama.cpp takes' {
        $null = New-TestGguf wrong.gguf -Metadata ([ordered] @{ 'general.architecture' = 'llama'; 'tokenizer.ggml.eos_token_id' = '2' })
        Set-GgufMetadata wrong.gguf @{ 'tokenizer.ggml.eos_token_id' = 2 }
        (Get-Metadata wrong.gguf).'tokenizer.ggml.eos_token_id' | Should -BeOfType uint
    }

    It 'counts what else a change would break' {
        Copy-Item $Samples.Model broken.gguf
        $warning = Set-GgufMetadata broken.gguf -Remove llama.context_length, llama.embedding_length 3>&1
        $count = (Test-Gguf broken.gguf -Detailed).Errors
        $count | Should -BeGreaterThan 1
        "$warning" | Should -BeLike "*Test-Gguf -Detailed will list $($count - 1) more."
    }

    It 'warns of a change after which llama.cpp would not load the file' {
        Copy-Item $Samples.Model sound.gguf
        $table = @{ 'llama.attention.head_count' = 3 }
        Set-GgufMetadata sound.gguf $table -WhatIf 3>&1 | Should -BeLike "llama.cpp will not load '*sound.gguf' after this change. *"
        Set-GgufMetadata sound.gguf @{ 'general.name' = 'New' } 3>&1 | Should -BeNullOrEmpty
        Set-GgufMetadata sound.gguf -Remove llama.context_length 3>&1 | Should -BeLike '*llama.context_length: The key is missing*'
        Test-Gguf sound.gguf | Should -BeFalse
    }

    It 'removes the keys that match a wildcard' {
        Set-GgufMetadata m.gguf -Remove general.[ln]*, tokenizer.*, none.* -WarningAction Ignore
        (Get-Metadata).Keys | Should -Be 'general.architecture', 'llama.context_length', 'llama.attention.layer_norm_rms_epsilon'
        (Set-GgufMetadata m.gguf -Remove none.* -PassThru -Verbose 4>&1).Message | Should -BeLike "*is left as it is: it has no key that matches 'none.*'."
    }

    It 'does not set a key that a wildcard removes' {
        $failure = Set-GgufMetadata m.gguf @{ 'general.name' = 'New' } -Remove general.n* -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "InvalidMetadata,$class"
        $failure.Exception.Message | Should -BeLike "'general.name' is both set and removed.*"
        (Get-FileHash m.gguf).Hash | Should -Be $before
    }

    It 'rejects <Text>, and leaves the file alone' -ForEach @(
        "@{ 'llama.context_length' = -1 }"
        "@{ 'llama.context_length' = 'long' }"
        "@{ 'llama.context_length' = 511.6 }"
        "@{ 'llama.context_length' = 512, 513 }"
        "@{ 'tokenizer.ggml.add_bos_token' = 'false' }"
        "@{ 'tokenizer.ggml.tokens' = 'one' }"
        "@{ 'my.numbers' = 1, 2.5 }"
        "@{ 'a' = `$null }"
        "@{ 'a' = `$null, 1 }"
        "@{ 'a' = 1, `$null }"
        "@{ 'a' = 1.5, `$null }"
        "@{ 'a' = 1.5, '2,5' }"
        "@{ 'llama.attention.layer_norm_rms_epsilon' = 1e300 }"
        "@{ 'llama.attention.layer_norm_rms_epsilon' = '1e300' }"
        "@{ 'llama.attention.layer_norm_rms_epsilon' = '1,5' }"
        "@{ 'llama.attention.layer_norm_rms_epsilon' = '' }"
    ).ForEach{ @{ Text = $_; Table = & ([scriptblock]::Create($_)) } } {
        $failure = Set-GgufMetadata m.gguf $Table -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "InvalidMetadata,$class"
        $failure.CategoryInfo.Category | Should -Be 'InvalidArgument'
        $failure.TargetObject | Should -Be $model.FullName
        (Get-FileHash m.gguf).Hash | Should -Be $before
    }

    It 'says in a whole sentence: <Expected>' -ForEach @(
        @{ Arguments = @{ Metadata = @{ '' = 1 } }; Expected = 'A metadata key cannot be empty.' }
        @{ Arguments = @{ Metadata = @{ a = @() } }; Expected = 'an empty array has no type' }
        @{ Arguments = @{ Metadata = @{ 'general.alignment' = 3 } }; Expected = 'a power of two' }
        @{ Arguments = @{ Metadata = @{ 'split.count' = [uint16] 5 } }; Expected = "'split.count' describes how the model is split" }
        @{ Arguments = @{ Remove = 'no.such.key' }; Expected = "There is no metadata key 'no.such.key' to remove." }
    ) {
        $failure = Set-GgufMetadata m.gguf @Arguments -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "InvalidMetadata,$class"
        $failure.Exception.Message | Should -Match ([regex]::Escape($Expected))
        $failure.Exception.Message | Should -Not -Match '\(Parameter'
        (Get-FileHash m.gguf).Hash | Should -Be $before
    }

    It 'needs something to change' {
        { Set-GgufMetadata m.gguf } | Should -Throw -ErrorId "NothingToChange,$class"
    }

    It 'does not both set and remove a key' {
        { Set-GgufMetadata m.gguf @{ 'general.name' = 'New' } -Remove general.name } | Should -Throw -ErrorId "SetAndRemoved,$class"
        (Get-FileHash m.gguf).Hash | Should -Be $before
    }

    It 'warns if no program could identify the model' {
        Set-GgufMetadata m.gguf -Remove general.architecture 3>&1 | Should -BeLike '*no program can identify*'
        (Get-Metadata).Keys | Should -Not -Contain 'general.architecture'
    }

    It 'changes every file from the pipeline, and passes over a bad one' {
        Set-Content bad.gguf 'no model'
        $null = New-TestGguf n.gguf
        $changes = Get-ChildItem |
            Set-GgufMetadata -Metadata @{ 'general.name' = 'Same' } -PassThru -ErrorVariable failures -ErrorAction SilentlyContinue
        $changes.Path | Split-Path -Leaf | Should -Be 'm.gguf', 'n.gguf'
        $failures.FullyQualifiedErrorId | Should -Be "InvalidGguf,$class"
        ($changes | Get-GgufInfo).Name | Should -Be 'Same', 'Same'
    }

    It 'changes the first file of a split model, once' {
        $null = New-TestGguf s.gguf -Metadata $metadata -Tensor ([ordered] @{ a = 32; b = 32 }) | Split-Gguf -Destination parts -MaxTensor 1
        Set-GgufMetadata parts/*.gguf @{ 'general.name' = 'Split' } -PassThru | Should -HaveCount 1
        (Get-Metadata parts/s-00002-of-00002.gguf).'general.name' | Should -Be 'Split'
        (Get-GgufInfo parts/s-00001-of-00002.gguf).Shards | Should -Be 2
    }

    It 'does not change a file that is read-only' {
        $model.IsReadOnly = $true
        $failure = Set-GgufMetadata m.gguf @{ 'general.name' = 'New' } -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "AccessDenied,$class"
        $failure.CategoryInfo.Category | Should -Be 'PermissionDenied'
        $model.IsReadOnly = $false
        (Get-FileHash m.gguf).Hash | Should -Be $before
    }

    It 'asks before it writes, and says what it would do' {
        $table = "@{ 'general.name' = 'New' } -Remove general.license"
        $result = Invoke-PowerShell "Set-GgufMetadata m.gguf $table -WhatIf; Set-GgufMetadata m.gguf $table -Confirm" -InputText "n`n"
        $result.Output -replace '\s+', ' ' | Should -BeLike 'What if: *"Change general.name, general.license" on target*Are you sure*'
        (Get-FileHash m.gguf).Hash | Should -Be $before
    }

    It 'shows its progress' {
        $null = New-TestGguf big.gguf -Tensor ([ordered] @{ a = 512MB / 4 }) -Sparse
        $progress = (Invoke-Streams "Set-GgufMetadata big.gguf @{ 'my.numbers' = 1..30 }").Progress
        $progress[0].Activity | Should -Be 'Changing big.gguf'
        $progress[0].StatusDescription | Should -Match '^a, [\d.]+ [KMG]?i?B of 512 MiB$'
        $progress[-1].RecordType | Should -Be 'Completed'
    }

    It 'ends at once on Ctrl+C, and leaves the file as it was' -Skip:$IsWindows {
        Remove-Item m.gguf
        $big = New-TestGguf big.gguf -Tensor ([ordered] @{ a = 16GB / 4 }) -Sparse
        $result = Invoke-Interrupted "Set-GgufMetadata big.gguf @{ 'my.numbers' = 1..30 }" -When { (Get-ChildItem -Force).Count -gt 1 }
        $result.Duration.TotalSeconds | Should -BeLessThan 5
        (Get-ChildItem -Force).Name | Should -Be 'big.gguf'
        (Get-Item big.gguf).LastWriteTimeUtc | Should -Be $big.LastWriteTimeUtc
    }
}
