BeforeAll {
    $class = 'GgufQuant.Commands.MergeImportanceMatrixCommand'
}

Describe 'Merge-ImportanceMatrix' {
    BeforeEach {
        Push-Location (New-TestFolder)
        $null = New-TestImatrix a.dat -Entry ([ordered] @{ 'output.weight' = 2, 2; 'blk.0.ffn_up.weight' = 1, 3 }) -Dataset a.txt
        $null = New-TestImatrix b.dat -Entry ([ordered] @{ 'blk.0.ffn_up.weight' = 8, 24 }) -Chunks 3 -Dataset b.txt
    }

    AfterEach {
        Pop-Location
    }

    It 'weighs each matrix by its chunks' {
        $sum = Merge-ImportanceMatrix a.dat, b.dat sum.gguf
        $sum.Path | Should -Be (Join-Path $PWD sum.gguf)
        $sum.Chunks | Should -Be 4
        $sum.Entries | Should -Be 2
        $sum.Datasets | Should -Be 'a.txt', 'b.txt'
        $entry = Get-ImportanceMatrix sum.gguf blk.0.ffn_up.weight
        $entry.Minimum | Should -Be ((1 + 8) / 4)
        $entry.Maximum | Should -Be ((3 + 24) / 4)
        (Get-ImportanceMatrix sum.gguf output.weight).Mean | Should -Be 2
    }

    It 'takes matrices from the pipeline, of either format' {
        $null = ConvertTo-ImportanceMatrix b.dat Gguf -Destination c.gguf
        (Get-ChildItem | Merge-ImportanceMatrix -Destination sum.gguf).Chunks | Should -Be 7
    }

    It 'takes wildcards and literal paths' {
        (Merge-ImportanceMatrix *.dat one.gguf).Chunks | Should -Be 4
        Copy-Item a.dat 'a [1].dat'
        (Merge-ImportanceMatrix -LiteralPath 'a [1].dat', 'a.dat' two.gguf).Chunks | Should -Be 2
    }

    It 'merges by the destinations that objects from the pipeline name' {
        'Path,Destination', 'a.dat,one.gguf', 'b.dat,one.gguf', 'b.dat,two.gguf' | ConvertFrom-Csv | Merge-ImportanceMatrix |
            ForEach-Object { "$(Split-Path $_.Path -Leaf) $($_.Chunks)" } | Should -Be 'one.gguf 4', 'two.gguf 3'
    }

    It 'writes the format that the name asks for, into a folder that it creates' {
        $null = New-Item new -ItemType Directory
        $null = Merge-ImportanceMatrix a.dat, b.dat new/sum.gguf
        $null = Merge-ImportanceMatrix a.dat, b.dat new/sum.DAT
        (Get-Content new/sum.gguf -AsByteStream -TotalCount 4) | Should -Be ([byte[]] [char[]] 'GGUF')
        (Get-Content new/sum.DAT -AsByteStream -TotalCount 4) | Should -Be 2, 0, 0, 0
    }

    It 'counts in chunks of the size that is given' {
        $sum = Merge-ImportanceMatrix a.dat, b.dat sum.gguf -ChunkSize 100
        $sum.ChunkSize | Should -Be 100
        $sum.Chunks | Should -Be 4
    }

    It 'writes nothing unless all matrices are there' {
        Merge-ImportanceMatrix a.dat, typo.dat sum.gguf -ErrorVariable failures -ErrorAction SilentlyContinue | Should -BeNullOrEmpty
        $failures.FullyQualifiedErrorId | Should -Be "FileNotFound,$class", "MatrixMissing,$class"
        $failures.TargetObject | Should -Be (Join-Path $PWD typo.dat), (Join-Path $PWD sum.gguf)
        $failures[1].CategoryInfo.Category | Should -Be 'ObjectNotFound'
        Test-Path sum.gguf | Should -BeFalse
    }

    It 'writes nothing unless all matrices can be read' {
        Set-Content bad.dat 'no matrix'
        $failure = Merge-ImportanceMatrix a.dat, bad.dat sum.gguf -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "InvalidImportanceMatrix,$class"
        $failure.CategoryInfo.Category | Should -Be 'InvalidData'
        $failure.TargetObject | Should -Be (Join-Path $PWD bad.dat)
        Test-Path sum.gguf | Should -BeFalse
    }

    It 'does not merge matrices of different models' {
        $null = New-TestImatrix other.dat -Entry ([ordered] @{ 'output.weight' = 1, 2, 3 })
        $failure = Merge-ImportanceMatrix a.dat, other.dat sum.gguf -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "InvalidImportanceMatrix,$class"
        $failure.TargetObject | Should -Be (Join-Path $PWD other.dat)
        $failure.Exception.Message | Should -BeLike "*belong to different models: 'output.weight' has 2 values in one and 3 in the other.*"
        Test-Path sum.gguf | Should -BeFalse
    }

    It 'replaces a file only with -Force' {
        Set-Content sum.gguf 'precious'
        $failure = Merge-ImportanceMatrix a.dat, b.dat sum.gguf -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "DestinationExists,$class"
        $failure.CategoryInfo.Category | Should -Be 'ResourceExists'
        Get-Content sum.gguf | Should -Be 'precious'
        (Merge-ImportanceMatrix a.dat, b.dat sum.gguf -Force).Chunks | Should -Be 4
    }

    It 'does not take a folder for the file to write' {
        $null = New-Item folder -ItemType Directory
        $failure = Merge-ImportanceMatrix a.dat, b.dat folder -Force -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "PathIsFolder,$class"
        $failure.CategoryInfo.Category | Should -Be 'InvalidArgument'
    }

    It 'asks before it writes, and says what it would do' {
        $result = Invoke-PowerShell 'Merge-ImportanceMatrix *.dat sum.gguf -WhatIf; Merge-ImportanceMatrix *.dat sum.gguf -Confirm' -InputText "n`n"
        $result.Output -replace '\s+', ' ' | Should -BeLike 'What if: *"Merge 2 importance matrices" on target*Are you sure*'
        Test-Path sum.gguf | Should -BeFalse
    }
}
