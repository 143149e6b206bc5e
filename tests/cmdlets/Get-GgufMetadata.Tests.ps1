Describe 'Get-GgufMetadata' {
    BeforeAll {
        Push-Location $TestDrive
        New-TestGguf 'odd [1] name.gguf' -Metadata ([ordered] @{
            'general.architecture' = 'llama'
            'my.number'            = 7
            'my.fraction'          = [single] 1e-5
            'my.flag'              = $true
            'my.texts'             = 'one', 'two', 'three'
        })
    }
    AfterAll { Pop-Location }

    It 'returns one object per key, in the order of the file' {
        $entries = Get-GgufMetadata -LiteralPath 'odd [1] name.gguf'
        $entries.Key | Should -Be 'general.architecture', 'my.number', 'my.fraction', 'my.flag', 'my.texts'
        $entries.Type | Should -Be 'String', 'UInt32', 'Float32', 'Boolean', 'String[]'
        $entries.Count | Should -Be 5
        $entries[4].Count | Should -Be 3
        $entries[4].Value | Should -Be 'one', 'two', 'three'
        $entries[3].Value | Should -BeTrue
        $entries[0].Path | Should -Be (Join-Path $PWD 'odd [1] name.gguf')
    }

    It 'chooses <count> keys of the sample with <pattern>' -ForEach @(
        @{ Pattern = 'llama.*'; Count = 10 }
        @{ Pattern = 'GENERAL.NAME'; Count = 1 }
        @{ Pattern = 'nothing.*'; Count = 0 }
    ) {
        @(Get-GgufMetadata $Samples.Model $pattern).Key.Where{ $_ } | Should -HaveCount $count
    }

    It 'takes models and files from the pipeline' {
        (Get-GgufInfo $Samples.Model | Get-GgufMetadata -Key general.architecture).Value | Should -Be llama
        (Get-Item $Samples.Model | Get-GgufMetadata -Key general.architecture).Value | Should -Be llama
    }

    It 'reports a key that does not exist, and returns the others' {
        $entries = Get-GgufMetadata $Samples.Model none, general.architecture -ErrorVariable failure -ErrorAction SilentlyContinue
        $entries.Key | Should -Be general.architecture
        $failure.FullyQualifiedErrorId | Should -Be 'KeyNotFound,GgufQuant.Commands.GetGgufMetadataCommand'
        $failure.CategoryInfo.Category | Should -Be ObjectNotFound
        $failure.TargetObject | Should -Be none
    }

    It 'shows long values and small numbers on one line each' {
        $lines = Get-GgufMetadata -LiteralPath 'odd [1] name.gguf' | Format-Lines -Width 120
        $lines | Should -Contain 'my.fraction                              Float32         1 1E-05'
        $lines | Should -Contain 'my.texts                                 String[]        3 one, two, three'
        Get-GgufMetadata $Samples.Model | Format-Lines -Width 100 | ForEach-Object Length | Should -Not -BeGreaterThan 100
    }

    It 'obeys Format-List' {
        (Get-GgufMetadata $Samples.Model general.architecture | Format-List Key, Value | Out-String) | Should -Match 'Value\s+: llama'
    }

    It 'completes keys from the file' {
        (Complete-Line "Get-GgufMetadata '$($Samples.Model)' -Key general.n").CompletionText | Should -Be general.name
        (Complete-Line "Set-GgufMetadata '$($Samples.Model)' -Remove general.n").CompletionText | Should -Be general.name
    }
}
