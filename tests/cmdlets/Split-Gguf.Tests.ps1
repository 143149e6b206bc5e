BeforeAll {
    $class = 'GgufQuant.Commands.SplitGgufCommand'
    $sampleShards = 1..3 | ForEach-Object { 'novels-6m-f16-{0:00000}-of-00003.gguf' -f $_ }

    # Of the file alone, as its header says.
    filter Get-TensorCount { [BitConverter]::ToUInt64((Get-Content -LiteralPath $_ -AsByteStream -TotalCount 16), 8) }
}

Describe 'Split-Gguf' {
    BeforeEach {
        Push-Location (New-TestFolder)
    }

    AfterEach {
        Pop-Location
    }

    It 'writes numbered files, none with more data than allowed' {
        $shards = Split-Gguf $Samples.Model parts -MaxSize 4MB
        $shards.Name | Should -Be $sampleShards
        $shards.DirectoryName | Select-Object -Unique | Should -Be (Join-Path $PWD parts)
        # Two of them hold no metadata worth mentioning.
        $shards[1..2].Length | Should -BeLessThan (4MB + 4KB)
        ($shards | Measure-Object Length -Sum).Sum | Should -BeGreaterThan (Get-Item $Samples.Model).Length
        (Get-ChildItem parts).Name | Should -Be $sampleShards
    }

    It 'returns files as Get-Item does' {
        $shard = Split-Gguf $Samples.Model . -MaxSize 4MB | Select-Object -First 1
        $shard | Should -BeOfType IO.FileInfo
        $shard.PSPath | Should -Be (Get-Item $sampleShards[0]).PSPath
    }

    It 'makes one model of them' {
        $info = Split-Gguf $Samples.Model . -MaxSize 4MB | Get-GgufInfo
        $info.Shards | Should -Be 3
        $info.WeightCount | Should -Be (Get-GgufInfo $Samples.Model).WeightCount
    }

    It 'writes beside the model by default' {
        $null = New-Item models -ItemType Directory
        New-TestGguf models/m.gguf -Tensor ([ordered] @{ a = 32; b = 32 }) | Split-Gguf -MaxTensor 1
        (Get-ChildItem models).Name | Should -Be 'm-00001-of-00002.gguf', 'm-00002-of-00002.gguf', 'm.gguf'
    }

    It 'counts tensors' {
        $null = New-TestGguf m.gguf -Tensor ([ordered] @{ a = 32; b = 32; c = 32; d = 32; e = 32 })
        $shards = Split-Gguf m.gguf -MaxTensor 2
        $shards | Get-TensorCount | Should -Be 2, 2, 1
    }

    It 'takes 128 tensors per file by default' {
        $tensors = [ordered] @{}
        foreach ($number in 1..129) { $tensors["t$number"] = 32 }
        $null = New-TestGguf m.gguf -Tensor $tensors
        Split-Gguf m.gguf | Get-TensorCount | Should -Be 128, 1
    }

    It 'can put the metadata alone into the first file' {
        $null = New-TestVector m.gguf
        $shards = Split-Gguf m.gguf -MetadataAlone
        $shards | Get-TensorCount | Should -Be 0, 2
        Test-Gguf $shards[0] | Should -BeTrue
    }

    It 'splits a split model into other files' {
        $null = New-TestGguf m.gguf -Tensor ([ordered] @{ a = 32; b = 32; c = 32 })
        Split-Gguf m.gguf parts -MaxTensor 1 | Split-Gguf -Destination halves -MaxTensor 2 | Should -HaveCount 2
        (Get-ChildItem halves).Name | Should -Be 'm-00001-of-00002.gguf', 'm-00002-of-00002.gguf'
    }

    It 'replaces files only with -Force' {
        $null = New-TestVector m.gguf
        Set-Content m-00001-of-00002.gguf 'precious'
        $failure = Split-Gguf m.gguf -MaxTensor 1 -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "DestinationExists,$class"
        $failure.CategoryInfo.Category | Should -Be 'ResourceExists'
        $failure.TargetObject | Should -Be (Join-Path $PWD m-00001-of-00002.gguf)
        Get-Content m-00001-of-00002.gguf | Should -Be 'precious'
        Split-Gguf m.gguf -MaxTensor 1 -Force | Should -HaveCount 2
        Test-Gguf m-00001-of-00002.gguf | Should -BeTrue
    }

    It 'does not replace a later file either' {
        $null = New-TestGguf m.gguf -Tensor ([ordered] @{ a = 32; b = 32 })
        Set-Content m-00002-of-00002.gguf 'precious'
        { Split-Gguf m.gguf -MaxTensor 1 -ErrorAction Stop } | Should -Throw -ErrorId "*,$class" -ExpectedMessage '*m-00002-of-00002.gguf*'
        (Get-ChildItem).Name | Should -Be 'm-00002-of-00002.gguf', 'm.gguf'
        Get-Content m-00002-of-00002.gguf | Should -Be 'precious'
    }

    It 'does not replace what it has just written, even with -Force' {
        $null = New-Item a, b -ItemType Directory
        $models = foreach ($folder in 'a', 'b') { New-TestGguf $folder/m.gguf -Tensor ([ordered] @{ a = 32; b = 32 }) }
        $shards = $models | Split-Gguf -MaxTensor 1 -Destination out -Force -ErrorVariable failures -ErrorAction SilentlyContinue
        $shards | Should -HaveCount 2
        $failures.FullyQualifiedErrorId | Should -Be "DestinationUsedTwice,$class"
        (Get-ChildItem out).Name | Should -Be $shards.Name
    }

    It 'does not take a file for the folder to write to' {
        { Split-Gguf $Samples.Model parts.gguf } | Should -Throw -ErrorId "DestinationIsNoFolder,$class"
        Get-ChildItem | Should -BeNullOrEmpty
    }

    It 'rejects <Arguments>' -ForEach @(
        @{ Arguments = @{ MaxSize = 4MB; MaxTensor = 3 }; Id = 'ParametersExclusive' }
        @{ Arguments = @{ MaxSize = 0 }; Id = 'ParameterArgumentValidationError' }
        @{ Arguments = @{ MaxTensor = 0 }; Id = 'ParameterArgumentValidationError' }
        @{ Arguments = @{ Destination = '' }; Id = 'ParameterArgumentValidationError' }
    ) {
        { Split-Gguf $Samples.Model @Arguments } | Should -Throw -ErrorId "$Id,$class"
        Get-ChildItem | Should -BeNullOrEmpty
    }

    It 'passes over a bad file' {
        Set-Content bad.gguf 'no model'
        $null = New-TestGguf good.gguf
        $shards = Split-Gguf *.gguf parts -ErrorVariable failures -ErrorAction SilentlyContinue
        $shards.Name | Should -Be 'good-00001-of-00001.gguf'
        $failures.FullyQualifiedErrorId | Should -Be "InvalidGguf,$class"
        $failures.CategoryInfo.Category | Should -Be 'InvalidData'
        $failures.TargetObject | Should -Be (Join-Path $PWD bad.gguf)
    }

    It 'asks before it writes, and says what it would do' {
        $null = New-TestGguf m.gguf -Tensor ([ordered] @{ a = 32; b = 32 })
        $result = Invoke-PowerShell 'Split-Gguf m.gguf parts -MaxTensor 1 -WhatIf; Split-Gguf m.gguf parts -Confirm' -InputText "n`n"
        $result.Output -replace '\s+', ' ' | Should -BeLike "What if: *`"Split 'm.gguf' into 2 files`" on target*Are you sure*"
        Test-Path parts | Should -BeFalse
    }

    It 'shows its progress' {
        $null = New-TestGguf big.gguf -Tensor ([ordered] @{ a = 512MB / 4 }) -Sparse
        $progress = (Invoke-Streams 'Split-Gguf big.gguf').Progress
        $progress[0].Activity | Should -Be 'Splitting big.gguf'
        $progress[0].StatusDescription | Should -Match '^a, [\d.]+ [KMG]?i?B of 512 MiB$'
        $progress[-1].RecordType | Should -Be 'Completed'
    }

    It 'ends at once on Ctrl+C, and leaves nothing behind' -Skip:$IsWindows {
        $null = New-TestGguf big.gguf -Tensor ([ordered] @{ a = 16GB / 4 }) -Sparse
        $result = Invoke-Interrupted 'Split-Gguf big.gguf parts' -When { Test-Path parts/* }
        $result.Duration.TotalSeconds | Should -BeLessThan 5
        Get-ChildItem parts | Should -BeNullOrEmpty
    }
}
