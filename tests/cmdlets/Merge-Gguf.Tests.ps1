BeforeAll {
    $class = 'GgufQuant.Commands.MergeGgufCommand'
    $twoTensors = [ordered] @{ a = 32; b = 32 }
}

Describe 'Merge-Gguf' {
    BeforeEach {
        Push-Location (New-TestFolder)
    }

    AfterEach {
        Pop-Location
    }

    It 'makes the file that was split' {
        $null = Split-Gguf $Samples.Model parts -MaxSize 4MB
        $merged = Merge-Gguf parts/*.gguf -Destination whole.gguf
        $merged | Should -BeOfType IO.FileInfo
        $merged.PSPath | Should -Be (Get-Item whole.gguf).PSPath
        (Get-FileHash whole.gguf).Hash | Should -Be (Get-FileHash $Samples.Model).Hash
    }

    It 'needs any one of the files, and writes beside them without their number' {
        $null = New-TestGguf m.gguf -Tensor $twoTensors | Split-Gguf -Destination parts -MaxTensor 1
        (Merge-Gguf parts/m-00002-of-00002.gguf).FullName | Should -Be (Join-Path $PWD parts m.gguf)
        (Get-FileHash parts/m.gguf).Hash | Should -Be (Get-FileHash m.gguf).Hash
    }

    It 'takes files from the pipeline, and merges each model once' {
        $null = 'm', 'n' | ForEach-Object { New-TestGguf "$_.gguf" -Tensor $twoTensors } | Split-Gguf -Destination parts -MaxTensor 1
        (Get-ChildItem parts | Merge-Gguf -Destination whole).Name | Should -Be 'm.gguf', 'n.gguf'
        (Get-ChildItem whole).Name | Should -Be 'm.gguf', 'n.gguf'
    }

    It 'writes into a folder that it creates' {
        $null = New-TestGguf m.gguf -Tensor $twoTensors | Split-Gguf -MaxTensor 1
        (Merge-Gguf m-*.gguf new/folder).FullName | Should -Be (Join-Path $PWD new folder m.gguf)
    }

    It 'replaces a file only with -Force' {
        $null = New-TestVector m.gguf | Split-Gguf -MaxTensor 1
        Set-Content m.gguf 'precious'
        $failure = Merge-Gguf *2-of*.gguf -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "DestinationExists,$class"
        $failure.CategoryInfo.Category | Should -Be 'ResourceExists'
        $failure.TargetObject | Should -Be (Join-Path $PWD m.gguf)
        Get-Content m.gguf | Should -Be 'precious'
        Merge-Gguf *2-of*.gguf -Force | Test-Gguf | Should -BeTrue
    }

    It 'does not replace what it has just written, even with -Force' {
        $null = New-Item a, b, out -ItemType Directory
        foreach ($folder in 'a', 'b') { $null = New-TestGguf $folder/m.gguf }
        $merged = Merge-Gguf a/m.gguf, b/m.gguf -Destination out/m.gguf -Force -ErrorVariable failures -ErrorAction SilentlyContinue
        $merged.FullName | Should -Be (Join-Path $PWD out m.gguf)
        $failures.FullyQualifiedErrorId | Should -Be "DestinationUsedTwice,$class"
    }

    It 'does not replace one of the files it merges' {
        $shards = New-TestGguf m.gguf -Tensor $twoTensors | Split-Gguf -MaxTensor 1
        $before = Get-FileHash $shards[1]
        $failure = Merge-Gguf *1-of*.gguf -Destination $shards[1] -Force -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "DestinationIsSource,$class"
        $failure.CategoryInfo.Category | Should -Be 'InvalidArgument'
        $failure.TargetObject | Should -Be $shards[1].FullName
        (Get-FileHash $shards[1]).Hash | Should -Be $before.Hash
    }

    It 'does not merge a model that is not split into itself' {
        $null = New-TestGguf m-f16.gguf
        $failure = Merge-Gguf m-f16.gguf -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "NotSplit,$class"
        $failure.Exception.Message | Should -BeLike "*m-f16.gguf' is not split*"
        (Get-ChildItem).Name | Should -Be 'm-f16.gguf'
    }

    It 'says which file is missing' {
        $shards = New-TestGguf m.gguf -Tensor $twoTensors | Split-Gguf -Destination parts -MaxTensor 1
        Remove-Item $shards[1]
        $failure = Merge-Gguf parts/*.gguf -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "FileNotFound,$class"
        $failure.CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $failure.Exception.Message | Should -BeLike '*Shard 2 of 2 is missing*'
        (Get-ChildItem parts).Name | Should -Be $shards[0].Name
    }

    It 'asks before it writes, and says what it would do' {
        $null = New-TestGguf m.gguf -Tensor $twoTensors | Split-Gguf -Destination parts -MaxTensor 1
        $result = Invoke-PowerShell 'Merge-Gguf parts/*.gguf -WhatIf; Merge-Gguf parts/*.gguf -Confirm' -InputText "n`n"
        $result.Output -replace '\s+', ' ' | Should -BeLike 'What if: *"Merge 2 files" on target*Are you sure*'
        Test-Path parts/m.gguf | Should -BeFalse
    }

    It 'shows its progress' {
        $null = New-TestGguf big.gguf -Tensor ([ordered] @{ a = 512MB / 4 }) -Sparse
        $progress = (Invoke-Streams 'Merge-Gguf big.gguf whole.gguf').Progress
        $progress[0].Activity | Should -BeLike 'Merging * files'
        $progress[0].StatusDescription | Should -Match '^a, [\d.]+ [KMG]?i?B of 512 MiB$'
        $progress[-1].RecordType | Should -Be 'Completed'
    }

    It 'ends at once on Ctrl+C, and leaves nothing behind' -Skip:$IsWindows {
        $null = New-TestGguf big.gguf -Tensor ([ordered] @{ a = 16GB / 4 }) -Sparse
        $result = Invoke-Interrupted 'Merge-Gguf big.gguf whole' -When { Test-Path whole/* }
        $result.Duration.TotalSeconds | Should -BeLessThan 5
        Get-ChildItem whole | Should -BeNullOrEmpty
    }
}
