# What only a real PowerShell shows: the packaged module under a PSModulePath, beside PowerShell's own cmdlets.
BeforeAll {
    $root = [IO.Path]::GetFullPath([IO.Path]::Combine($PSScriptRoot, '..', '..'))
    $sample = [IO.Path]::Combine($root, 'samples', 'novels-6m-f16.gguf')
    $savedModulePath = $env:PSModulePath
    $env:PSModulePath = [IO.Path]::Combine($root, 'out') + [IO.Path]::PathSeparator + $env:PSModulePath
    Remove-Module GgufQuant -ErrorAction Ignore
}

AfterAll {
    $env:PSModulePath = $savedModulePath
}

Describe 'The installed module' {
    It 'is found and loaded when one of its cmdlets is used' {
        (Get-Command Get-GgufInfo).ModuleName | Should -Be 'GgufQuant'
        (Get-GgufInfo $sample).Path | Should -Be $sample
    }

    It 'is listed with its version' {
        $manifest = Import-PowerShellDataFile ([IO.Path]::Combine($root, 'GgufQuant.psd1'))
        (Get-Module GgufQuant -ListAvailable)[0].Version | Should -Be $manifest.ModuleVersion
    }

    It 'has help with examples for <_>' -ForEach @((Import-PowerShellDataFile "$PSScriptRoot/../../GgufQuant.psd1").CmdletsToExport) {
        (Get-Help $_ -Full).examples.example.Count | Should -BeGreaterOrEqual 2
    }
}

Describe 'With PowerShell''s own cmdlets' {
    It 'takes files from Get-ChildItem' {
        (Get-ChildItem $sample | Get-GgufInfo).Path | Should -Be $sample
    }

    It 'sorts by what the objects carry' {
        $bits = Get-QuantType | Sort-Object BitsPerWeight | ForEach-Object BitsPerWeight
        $bits | Should -Be ($bits | Sort-Object)
    }

    It 'formats one model as a list and several as a table' {
        Get-GgufInfo $sample | Out-String | Should -Match '(?m)^Architecture\s+: llama'
        Get-GgufInfo $sample, $sample | Out-String | Should -Match '(?m)^Type\s+Size'
    }

    It 'keeps its numbers as numbers in JSON' {
        $type = Get-QuantType Q8_0 | ConvertTo-Json -Depth 3 | ConvertFrom-Json
        $type.BitsPerWeight | Should -BeOfType [double]
    }
}

Describe 'Tab completion' {
    It 'offers types' {
        $line = 'ConvertTo-Quantized model.gguf -Type Q4_K'
        (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Contain 'Q4_K_M'
    }

    It 'offers files' {
        $line = "Get-GgufInfo $([IO.Path]::Combine($root, 'samples', 'novels'))"
        (TabExpansion2 $line $line.Length).CompletionMatches.CompletionText | Should -Match 'novels-6m-f16\.gguf'
    }
}
