BeforeAll {
    $hubFolder = New-TestFolder
    $repository = New-Item (Join-Path $hubFolder owner model) -ItemType Directory
    $null = New-Item (Join-Path $hubFolder owner empty) -ItemType Directory
    Copy-Item $Samples.Model (Join-Path $repository model-f16.gguf)
    Set-Content (Join-Path $repository README.md) text
    ConvertTo-Quantized $Samples.Model Q8_0 -Destination $repository -SplitMaxSize 4MB
    ConvertTo-Quantized $Samples.Model Q4_K_M -Destination $repository
    New-TestVector (Join-Path $repository vector.gguf)
    $hub = New-LoopbackHub $hubFolder
    $hub.PageSize = 2
    $before = $env:HF_ENDPOINT, $env:HF_TOKEN, $env:HF_TOKEN_PATH
    $env:HF_ENDPOINT = $hub.Endpoint
    $env:HF_TOKEN = ''
    $env:HF_TOKEN_PATH = Join-Path $hubFolder none
}

AfterAll {
    $env:HF_ENDPOINT, $env:HF_TOKEN, $env:HF_TOKEN_PATH = $before
    $hub.Dispose()
}

Describe 'Find-GgufModel' {
    It 'lists the models of a repository, shards as one' {
        $models = Find-GgufModel owner/model
        $models.Type | Should -Be F16, Q4_K_M, Q8_0, $null
        $models.Shards | Should -Be 1, 1, 2, 1
        $models[2].Path | Should -Be 'hf://owner/model/novels-6m-Q8_0-00001-of-00002.gguf'
        $models[2].Size | Should -Be (Get-ChildItem (Join-Path $repository *Q8_0*) | Measure-Object Length -Sum).Sum
        $models[0].Repository, $models[0].Revision, $models[0].Name | Should -Be owner/model, main, model-f16.gguf
    }

    It 'takes repositories in every form, and from the pipeline' {
        foreach ($form in 'owner/model', 'owner/model@main', 'hf://owner/model', "$($hub.Endpoint)/owner/model", "$($hub.Endpoint)/owner/model/tree/main") {
            $form | Find-GgufModel | Should -HaveCount 4
        }
        (Find-GgufModel owner/model@refs/pr/1).Path[0] | Should -Be 'hf://owner/model@refs/pr/1/model-f16.gguf'
    }

    It 'returns the types that are asked for' {
        (Find-GgufModel owner/model -Type q4*, F16).Type | Should -Be F16, Q4_K_M
        Find-GgufModel owner/model -Type IQ* | Should -BeNullOrEmpty
        (Complete-Line 'Find-GgufModel o/r -Type Q4_K').CompletionText | Should -Contain Q4_K_M
    }

    It 'says what it cannot list, and lists the next' {
        $result = Find-GgufModel none, owner/none, owner/model@v9, owner/model -Type F16 -ErrorAction Continue 2>&1
        $result[0..2].FullyQualifiedErrorId | Should -Be @('InvalidAddress', 'AccessDenied', 'FileNotFound').ForEach{ "$_,GgufQuant.Commands.FindGgufModelCommand" }
        $result[3].Type | Should -Be F16
        Find-GgufModel owner/empty 3>&1 | Should -Be "'hf://owner/empty' has no GGUF files."
    }

    It 'leaves out names that no file can have' {
        (Find-GgufModel owner/model).Name | Should -Not -Match '\.\.|\e|folder'
    }

    It 'shows a table per repository' {
        $lines = Find-GgufModel owner/model | Format-Lines -Width 80
        $lines | Should -Contain '   Repository: owner/model'
        ($lines -match 'Q8_0')[0] | Should -Match '^Q8_0 +\d.* MiB +2 novels-6m-Q8_0-00001-of-00002\.gguf$'
    }

    It 'pipes into what reads headers, and into what downloads' {
        $folder = New-TestFolder
        $saved = Find-GgufModel owner/model -Type Q* | Get-GgufInfo -ContextLength 256 |
            Where-Object Memory -lt 8GB | Sort-Object Size | Select-Object -Last 1 | Save-GgufModel -Destination $folder
        $saved.Source | Should -Be 'hf://owner/model/novels-6m-Q8_0-00001-of-00002.gguf'
        $saved.Shards | Should -Be 2
        $saved.IsVerified | Should -BeTrue
        (Get-GgufInfo $saved).Type | Should -Be Q8_0
        Test-Gguf $saved | Should -BeTrue
    }
}
