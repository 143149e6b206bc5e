# Models on a server: what the reading cmdlets take, and that they read no more than headers.
BeforeAll {
    $hubFolder = New-TestFolder
    $repository = New-Item (Join-Path $hubFolder owner model) -ItemType Directory
    $null = New-Item (Join-Path $repository parts) -ItemType Directory
    Copy-Item $Samples.Model (Join-Path $repository model-f16.gguf)
    Copy-Item $Samples.Model (Join-Path $repository 'odd [1].gguf')
    New-TestVector (Join-Path $repository vector.gguf)
    Split-Gguf $Samples.Model (Join-Path $repository parts) -MaxSize 4MB
    $hub = New-LoopbackHub $hubFolder
    $before = $env:HF_ENDPOINT, $env:HF_TOKEN, $env:HF_TOKEN_PATH
    $env:HF_ENDPOINT = $hub.Endpoint
    $env:HF_TOKEN = ''
    $env:HF_TOKEN_PATH = Join-Path $hubFolder none
    Push-Location (New-TestFolder)
}

AfterAll {
    Pop-Location
    $env:HF_ENDPOINT, $env:HF_TOKEN, $env:HF_TOKEN_PATH = $before
    $hub.Dispose()
}

Describe 'A model on a server' {
    It 'is described as on disk: <Address>' -ForEach @(
        @{ Address = { 'hf://owner/model/model-f16.gguf' } }
        @{ Address = { "$($hub.Endpoint)/owner/model/blob/main/model-f16.gguf" } }
        @{ Address = { "$($hub.Endpoint)/owner/model/resolve/main/model-f16.gguf?download=true" } }
        @{ Address = { "$($hub.Storage)/owner/model/model-f16.gguf" } }
        @{ Address = { 'hf://owner/model@0123456789abcdef0123456789abcdef01234567/model-f16.gguf' } }
    ) {
        $sent = $hub.BytesSent
        $remote = Get-GgufInfo (& $Address) -ContextLength 256
        $local = Get-GgufInfo $Samples.Model -ContextLength 256
        foreach ($name in 'Name', 'Type', 'Size', 'Memory', 'Tensors', 'Layers', 'Vocabulary') { $remote.$name | Should -Be $local.$name }
        $remote.Path | Should -Match '^(hf|http)://'
        $hub.BytesSent - $sent | Should -BeLessThan 1.5MB
    }

    It 'has its metadata, its tensors and its advice' {
        $address = 'hf://owner/model/model-f16.gguf'
        (Get-GgufMetadata $address general.architecture).Value | Should -Be llama
        (Get-GgufMetadata $address tokenizer.ggml.tokens).Value | Should -Be (Get-GgufMetadata $Samples.Model tokenizer.ggml.tokens).Value
        (Get-GgufInfo $address -Metadata).Metadata.Count | Should -Be (Get-GgufInfo $Samples.Model -Metadata).Metadata.Count
        (Get-GgufTensor $address).Name | Should -Be (Get-GgufTensor $Samples.Model).Name
        (Find-QuantType $address 9MB).Type | Should -Be (Find-QuantType $Samples.Model 9MB).Type
    }

    It 'may be in shards, of which any stands for all' {
        $shard = (Get-ChildItem (Join-Path $repository parts))[-1].Name
        $info = Get-GgufInfo "hf://owner/model/parts/$shard"
        $info.Shards | Should -BeGreaterThan 1
        $info.Tensors | Should -Be (Get-GgufInfo $Samples.Model).Tensors
    }

    It 'is found by wildcards as in a folder' {
        (Get-GgufInfo hf://owner/model/*.gguf).Path | Should -Be 'hf://owner/model/model-f16.gguf', 'hf://owner/model/odd [1].gguf'
        (Get-GgufInfo hf://owner/model/*/*.GGUF).Path | Should -BeLike 'hf://owner/model/parts/*-00001-of-*.gguf'
        Get-GgufInfo hf://owner/model/none*.gguf | Should -BeNullOrEmpty
        (Get-GgufInfo 'hf://owner/model/odd [1].gguf').Path | Should -Be 'hf://owner/model/odd [1].gguf'
        (Get-GgufInfo -LiteralPath 'hf://owner/model/odd [1].gguf').Path | Should -Be 'hf://owner/model/odd [1].gguf'
        (Get-GgufInfo 'hf://owner/model/odd ?1?.gguf').Path | Should -Be 'hf://owner/model/odd [1].gguf'
    }

    It 'comes from the pipeline, and only once' {
        'hf://owner/model/model-f16.gguf', "$($hub.Endpoint)/owner/model/blob/main/model-f16.gguf" | Get-GgufInfo | Should -HaveCount 1
        (Get-GgufInfo hf://owner/model/model-f16.gguf | Get-GgufMetadata -Key general.architecture).Value | Should -Be llama
    }

    It 'is not read beyond its header' {
        $failure = Get-GgufTensor hf://owner/model/model-f16.gguf -Statistics -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be 'DownloadNeeded,GgufQuant.Commands.GetGgufTensorCommand'
        "$failure" | Should -BeLike "*Save-GgufModel 'hf://owner/model/model-f16.gguf' downloads it."
    }

    It 'that cannot be read is one error, and the next is read' {
        $result = Get-GgufInfo hf://owner/model/none.gguf, hf://owner/none/a.gguf, hf://owner/model, 'hf://owner', hf://owner/model/vector.gguf -ErrorAction Continue 2>&1
        $result[0..3].FullyQualifiedErrorId -replace ',.*' | Should -Be 'FileNotFound', 'AccessDenied', 'PathIsRepository', 'InvalidAddress'
        $result[4].Kind | Should -Be ControlVector
    }

    It 'on a server without ranges is an error and no download' {
        $hub.Fault = 'NoRanges'
        try { $failure = Get-GgufInfo hf://owner/model/model-f16.gguf -ErrorAction Continue 2>&1 } finally { $hub.Fault = 'None' }
        $failure.FullyQualifiedErrorId | Should -Be 'ServerError,GgufQuant.Commands.GetGgufInfoCommand'
        "$failure" | Should -BeLike '*does not support range requests*'
    }

    It 'is read with the token of HF_TOKEN, which goes to the hub alone' {
        $hub.Token = 'hf_secret'
        try {
            "$(Get-GgufInfo hf://owner/model/model-f16.gguf -ErrorAction Continue 2>&1)" | Should -BeLike '*HF_TOKEN must be set*'
            $env:HF_TOKEN = 'hf_secret'
            (Get-GgufInfo hf://owner/model/model-f16.gguf).Type | Should -Be F16
            $hub.Requests.ToArray().Where{ $_.Token }.IsHub | Select-Object -Unique | Should -BeTrue
        }
        finally { $hub.Token = $null; $env:HF_TOKEN = '' }
    }

    It 'is read with the token that hf auth login has stored' {
        $hub.Token = 'hf_secret'
        Set-Content $env:HF_TOKEN_PATH hf_secret
        try {
            (Get-GgufInfo hf://owner/model/model-f16.gguf).Type | Should -Be F16
            Set-Content $env:HF_TOKEN_PATH hf_wrong
            "$(Get-GgufInfo hf://owner/model/model-f16.gguf -ErrorAction Continue 2>&1)" | Should -BeLike "*with the token in '$env:HF_TOKEN_PATH' (401)*"
            Set-Content $env:HF_TOKEN_PATH ('x' * 5000)
            $failure = Get-GgufInfo hf://owner/model/model-f16.gguf -ErrorAction Continue 2>&1
            $failure.FullyQualifiedErrorId | Should -BeLike 'ServerError,*'
            "$failure" | Should -BeLike '*The token for the hub cannot be read.*5,001 bytes*'
        }
        finally {
            $hub.Token = $null
            Remove-Item $env:HF_TOKEN_PATH
        }
    }

    It 'is read through the proxy that the environment names' {
        $null = Invoke-PowerShell 'Get-GgufInfo http://models.example/a.gguf' -Environment @{ http_proxy = $hub.Storage; no_proxy = ''; HF_TOKEN = 'hf_secret' }
        $request = $hub.Requests.ToArray().Where{ $_.Path -eq 'http://models.example/a.gguf' }
        $request | Should -HaveCount 1
        $request.Token | Should -BeNullOrEmpty
    }

    It 'answers Ctrl+C within a second' -Skip:(-not $IsLinux) {
        $hub.Fault = 'Silent'
        try {
            $asked = $hub.Requests.Count
            $result = Invoke-Interrupted 'Get-GgufInfo hf://owner/model/model-f16.gguf' -When { $hub.Requests.Count -gt $asked } -Retry { $script:asked = $hub.Requests.Count }
            $result.Duration.TotalSeconds | Should -BeLessThan 1
        }
        finally { $hub.Fault = 'None' }
    }

    It 'is refused where HF_ENDPOINT is no address' {
        $endpoint = $env:HF_ENDPOINT
        $env:HF_ENDPOINT = 'hub'
        try { "$(Get-GgufInfo hf://owner/model/model-f16.gguf -ErrorAction Continue 2>&1)" | Should -BeLike "*HF_ENDPOINT is 'hub', which is not*" } finally { $env:HF_ENDPOINT = $endpoint }
    }
}
