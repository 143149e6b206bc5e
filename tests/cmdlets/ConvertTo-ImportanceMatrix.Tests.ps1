BeforeAll {
    $class = 'GgufQuant.Commands.ConvertToImportanceMatrixCommand'
}

Describe 'ConvertTo-ImportanceMatrix' {
    BeforeEach {
        Push-Location (New-TestFolder)
        $null = New-TestImatrix m.dat -Entry ([ordered] @{ 'blk.0.ffn_up.weight' = 1, 3; 'output.weight' = 2, 6 }) -Dataset text.txt
    }

    AfterEach {
        Pop-Location
    }

    It 'writes the other format beside the matrix' {
        $made = ConvertTo-ImportanceMatrix m.dat Gguf
        $made.Path | Should -Be (Join-Path $PWD m.gguf)
        $made.Size | Should -Be (Get-Item m.gguf).Length
        $made.Entries | Should -Be 2
        $made.Chunks | Should -Be 1
        $made.ChunkSize | Should -Be 512
        $made.Datasets | Should -Be 'text.txt'
        (Get-GgufInfo m.gguf -Metadata).Metadata.'general.type' | Should -Be 'imatrix'
    }

    It 'gives the first file again, converted back' {
        ConvertTo-ImportanceMatrix m.dat Gguf | ConvertTo-ImportanceMatrix -Format Dat -Destination again.dat
        (Get-FileHash again.dat).Hash | Should -Be (Get-FileHash m.dat).Hash
    }

    It 'takes the formats of objects from the pipeline' {
        'Path,Format', 'm.dat,Gguf', 'm.dat,Dat' | ConvertFrom-Csv | ConvertTo-ImportanceMatrix -Destination made | Split-Path -Leaf | Should -Be m.gguf, m.dat
    }

    It 'counts in chunks of the size that is given' {
        (ConvertTo-ImportanceMatrix m.dat Gguf -ChunkSize 100).ChunkSize | Should -Be 100
        (ConvertTo-ImportanceMatrix m.gguf Dat -ChunkSize 7 -Destination same.dat).ChunkSize | Should -Be 100
    }

    It 'writes to <Destination>' -ForEach @(
        @{ Destination = 'x.gguf'; Expected = 'x.gguf' }
        @{ Destination = 'new'; Expected = 'new/m.gguf' }
        @{ Destination = 'new/folder/'; Expected = 'new/folder/m.gguf' }
    ) {
        (ConvertTo-ImportanceMatrix m.dat Gguf -Destination $Destination).Path | Should -Be (Join-Path $PWD $Expected)
        Test-Path $Expected | Should -BeTrue
    }

    It 'replaces a file only with -Force' {
        Set-Content m.gguf 'precious'
        $failure = ConvertTo-ImportanceMatrix m.dat Gguf -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "DestinationExists,$class"
        $failure.CategoryInfo.Category | Should -Be 'ResourceExists'
        $failure.TargetObject | Should -Be (Join-Path $PWD m.gguf)
        Get-Content m.gguf | Should -Be 'precious'
        ConvertTo-ImportanceMatrix m.dat Gguf -Force | Get-ImportanceMatrix | Should -HaveCount 2
    }

    It 'does not replace what it has just written, even with -Force' {
        $null = New-Item a, b -ItemType Directory
        $matrices = foreach ($folder in 'a', 'b') { Copy-Item m.dat $folder -PassThru }
        $made = $matrices | ConvertTo-ImportanceMatrix -Format Gguf -Destination out -Force -ErrorVariable failures -ErrorAction SilentlyContinue
        $made.Path | Should -Be (Join-Path $PWD out m.gguf)
        $failures.FullyQualifiedErrorId | Should -Be "DestinationUsedTwice,$class"
        Get-ChildItem out | Should -HaveCount 1
    }

    It 'passes over a matrix without entries' {
        $null = New-TestGguf none.gguf -Tensor ([ordered] @{}) -Metadata ([ordered] @{
                'general.type' = 'imatrix'; 'imatrix.datasets' = , 'a.txt'; 'imatrix.chunk_count' = 0; 'imatrix.chunk_size' = 512
            })
        $null = ConvertTo-ImportanceMatrix m.dat Gguf
        $made = ConvertTo-ImportanceMatrix none.gguf, m.gguf Dat -Destination out -ErrorVariable failures -ErrorAction SilentlyContinue
        $made.Path | Should -Be (Join-Path $PWD out m.dat)
        $failures.FullyQualifiedErrorId | Should -Be "InvalidImportanceMatrix,$class"
        $failures.TargetObject | Should -Be (Join-Path $PWD none.gguf)
        $failures.Exception.Message | Should -BeLike '*has no entries*'
    }

    It 'does not take a model for a matrix' {
        $failure = ConvertTo-ImportanceMatrix $Samples.Model Dat -Destination . -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "NotImportanceMatrix,$class"
        $failure.CategoryInfo.Category | Should -Be 'InvalidArgument'
        (Get-ChildItem).Name | Should -Be 'm.dat'
    }

    It 'rejects <Arguments>' -ForEach @(
        @{ Arguments = @{ Format = 'Npy' }; Id = 'CannotConvertArgumentNoMessage' }
        @{ Arguments = @{ Format = 'Gguf'; ChunkSize = 0 }; Id = 'ParameterArgumentValidationError' }
        @{ Arguments = @{ Format = 'Gguf'; Destination = '' }; Id = 'ParameterArgumentValidationError' }
    ) {
        { ConvertTo-ImportanceMatrix m.dat @Arguments } | Should -Throw -ErrorId "$Id,$class"
    }

    It 'completes formats' {
        (Complete-Line 'ConvertTo-ImportanceMatrix m.dat ').CompletionText | Should -Be 'Dat', 'Gguf'
        (Complete-Line 'ConvertTo-ImportanceMatrix m.dat -Format g').CompletionText | Should -Be 'Gguf'
    }

    It 'asks before it writes, and says what it would do' {
        $result = Invoke-PowerShell 'ConvertTo-ImportanceMatrix m.dat Gguf -WhatIf; ConvertTo-ImportanceMatrix m.dat Gguf -Confirm' -InputText "n`n"
        $result.Output -replace '\s+', ' ' | Should -BeLike "What if: *`"Write the importance matrix 'm.dat' as Gguf`" on target*Are you sure*"
        (Get-ChildItem).Name | Should -Be 'm.dat'
    }
}
