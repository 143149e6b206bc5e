BeforeAll {
    $hubFolder = New-TestFolder
    $repository = New-Item (Join-Path $hubFolder owner model) -ItemType Directory
    Copy-Item $Samples.Model (Join-Path $repository model-f16.gguf)
    Split-Gguf $Samples.Model $repository -MaxSize 4MB
    $hub = New-LoopbackHub $hubFolder
    $before = $env:HF_ENDPOINT, $env:HF_TOKEN, $env:HF_TOKEN_PATH
    $env:HF_ENDPOINT = $hub.Endpoint
    $env:HF_TOKEN = ''
    $env:HF_TOKEN_PATH = Join-Path $hubFolder none
    $address = 'hf://owner/model/model-f16.gguf'
    $digest = (Get-FileHash $Samples.Model).Hash
}

AfterAll {
    $env:HF_ENDPOINT, $env:HF_TOKEN, $env:HF_TOKEN_PATH = $before
    $hub.Dispose()
}

Describe 'Save-GgufModel' {
    BeforeEach { Push-Location (New-TestFolder) }
    AfterEach { Pop-Location; $hub.Fault = 'None'; $hub.Delay = [timespan]::Zero }

    It 'downloads to the current folder, and checks the SHA-256' {
        $saved = Save-GgufModel $address
        $saved.Path | Should -Be (Join-Path $PWD model-f16.gguf)
        $saved.Source, $saved.Size, $saved.Shards, $saved.IsVerified | Should -Be $address, (Get-Item $Samples.Model).Length, 1, $true
        $saved.Sha256 | Should -Be $digest
        (Get-FileHash model-f16.gguf).Hash | Should -Be $digest
        Get-ChildItem -Force | ForEach-Object Name | Should -Be model-f16.gguf
    }

    It 'writes to a folder that it creates, or under another name' {
        (Save-GgufModel $address models/new).Path | Should -Be (Join-Path $PWD models new model-f16.gguf)
        (Save-GgufModel $address -Destination other.gguf).Path | Should -Be (Join-Path $PWD other.gguf)
        (Save-GgufModel $address none/other.gguf -ErrorAction Continue 2>&1).FullyQualifiedErrorId | Should -Be 'FolderNotFound,GgufQuant.Commands.SaveGgufModelCommand'
    }

    It 'downloads all shards, whichever is named' {
        $shards = Get-ChildItem (Join-Path $repository novels*)
        $saved = Save-GgufModel "hf://owner/model/$($shards[-1].Name)"
        $saved.Files | Split-Path -Leaf | Should -Be $shards.Name
        (Get-FileHash $saved.Files).Hash | Should -Be (Get-FileHash $shards).Hash
        (Save-GgufModel "hf://owner/model/$($shards[0].Name)" one.gguf -ErrorAction Continue 2>&1).FullyQualifiedErrorId | Should -Be 'DestinationIsNoFolder,GgufQuant.Commands.SaveGgufModelCommand'
    }

    It 'does not download what is already there, nor replace another file' {
        $null = Save-GgufModel $address
        $sent = $hub.BytesSent
        (Save-GgufModel $address).Sha256 | Should -Be $digest
        $hub.BytesSent - $sent | Should -BeLessThan 10
        Set-Content model-f16.gguf other
        (Save-GgufModel $address -ErrorAction Continue 2>&1).FullyQualifiedErrorId | Should -Be 'DestinationExists,GgufQuant.Commands.SaveGgufModelCommand'
        Get-Content model-f16.gguf | Should -Be other
        (Save-GgufModel $address -Force).Sha256 | Should -Be $digest
        (Get-FileHash model-f16.gguf).Hash | Should -Be $digest
    }

    It 'says what it would download' {
        Save-GgufModel $address -WhatIf | Should -BeNullOrEmpty
        Get-ChildItem -Force | Should -BeNullOrEmpty
        (Invoke-PowerShell "`$env:HF_ENDPOINT = '$($hub.Endpoint)'; Save-GgufModel $address -WhatIf").Output |
            Should -BeLike "What if: Performing the operation ""Download 11.1 MiB from '$address'"" on target ""*model-f16.gguf""."
    }

    It 'discards what does not have the SHA-256 of the hub' {
        $hub.Fault = 'WrongDigest'
        $failure = Save-GgufModel $address -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be 'ServerError,GgufQuant.Commands.SaveGgufModelCommand'
        Get-ChildItem -Force | Should -BeNullOrEmpty
    }

    It 'refuses files on disk, and addresses without a name' {
        (Save-GgufModel $Samples.Model -ErrorAction Continue 2>&1).FullyQualifiedErrorId | Should -Be 'PathIsFile,GgufQuant.Commands.SaveGgufModelCommand'
        Copy-Item $Samples.Model (Join-Path $repository model)
        (Save-GgufModel "$($hub.Storage)/owner/model/model" -ErrorAction Continue 2>&1).FullyQualifiedErrorId | Should -Be 'NameMissing,GgufQuant.Commands.SaveGgufModelCommand'
        $saved = Save-GgufModel "$($hub.Storage)/owner/model/model" named.gguf
        $saved.IsVerified | Should -BeFalse
        $saved.Sha256 | Should -Be $digest
    }

    It 'answers Ctrl+C within a second, and continues with the part that is there' -Skip:(-not $IsLinux) {
        $hub.Delay = [timespan]::FromMilliseconds(50)
        $result = Invoke-Interrupted "`$env:HF_ENDPOINT = '$($hub.Endpoint)'; Save-GgufModel $address" -When { (Test-Path *.partial) -and (Get-Item *.partial).Length -gt 1MB } -Retry { }
        $result.Duration.TotalSeconds | Should -BeLessThan 1
        $kept = (Get-Item model-f16.gguf.partial).Length
        $kept | Should -BeGreaterThan 1MB
        $hub.Delay = [timespan]::Zero
        $sent = $hub.BytesSent
        (Save-GgufModel $address).Sha256 | Should -Be $digest
        $hub.BytesSent - $sent | Should -BeLessThan ((Get-Item $Samples.Model).Length - $kept + 1MB)
        Get-ChildItem -Force | ForEach-Object Name | Should -Be model-f16.gguf
    }

    It 'shows how far it is, and the time left' {
        $hub.Delay = [timespan]::FromMilliseconds(20)
        $progress = (Invoke-Streams "Save-GgufModel $address").Progress
        $progress.StatusDescription | Should -Contain ($progress.StatusDescription -like 'model-f16.gguf: * MiB of 11.1 MiB')[0]
        ($progress | Where-Object SecondsRemaining -ge 0) | Should -Not -BeNullOrEmpty
    }

    It 'shows a table' {
        Save-GgufModel $address | Format-Lines -Width 80 | Select-Object -Last 1 |
            Should -Match '^model-f16\.gguf +11\.1 MiB +1 True +hf://'
    }
}
