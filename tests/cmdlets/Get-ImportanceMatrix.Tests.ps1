BeforeAll {
    $class = 'GgufQuant.Commands.GetImportanceMatrixCommand'
}

Describe 'Get-ImportanceMatrix' {
    BeforeAll {
        Push-Location (New-TestFolder)
        $matrix = New-TestImatrix m.dat -Entry ([ordered] @{
                'output.weight'       = 2, 2, 2, 6
                'blk.0.attn_v.weight' = 1, 3
                'blk.1.attn_v.weight' = 1, 3
                'blk.1.ffn_up.weight' = 4, 4
            })
    }

    AfterAll {
        Pop-Location
    }

    It 'returns one entry per weight tensor, those driven most first' {
        $entries = Get-ImportanceMatrix m.dat
        $entries.Name | Should -Be 'output.weight', 'blk.1.ffn_up.weight', 'blk.0.attn_v.weight', 'blk.1.attn_v.weight'
        $entries.Path | Select-Object -Unique | Should -Be $matrix.FullName
    }

    It 'says how strongly columns are driven' {
        $entry = Get-ImportanceMatrix m.dat output.weight
        $entry.Columns | Should -Be 4
        $entry.Sum | Should -Be 12
        $entry.Minimum | Should -Be 2
        $entry.Maximum | Should -Be 6
        $entry.Mean | Should -Be 3
        $entry.StandardDeviation | Should -Be ([Math]::Sqrt(3))
        $entry.ActiveShare | Should -Be 1
        $entry.OutlierShare | Should -Be 0.25
        $entry.CosineSimilarity | Should -BeNullOrEmpty
    }

    It 'compares a tensor with the same one in the previous layer' {
        (Get-ImportanceMatrix m.dat blk.1.attn_v.weight).CosineSimilarity | Should -BeGreaterThan 0.9999
    }

    It 'shows means over chunks, not sums' {
        $null = New-TestImatrix two.dat -Entry ([ordered] @{ 'output.weight' = 2, 6 }) -Chunks 2
        (Get-ImportanceMatrix two.dat).Maximum | Should -Be 3
    }

    It 'selects by name: <Name>' -ForEach @(
        @{ Name = '*attn_v*'; Expected = 'blk.0.attn_v.weight', 'blk.1.attn_v.weight' }
        @{ Name = 'OUTPUT.weight'; Expected = 'output.weight' }
        @{ Name = 'blk.1.ffn_up.weight', 'out*'; Expected = 'output.weight', 'blk.1.ffn_up.weight' }
        @{ Name = 'attn_v'; Expected = $null }
    ) {
        (Get-ImportanceMatrix m.dat $Name).Name | Should -Be $Expected
        (Get-ChildItem m.dat | Get-ImportanceMatrix -Name $Name).Name | Should -Be $Expected
    }

    It 'reads both formats' {
        $null = ConvertTo-ImportanceMatrix m.dat Gguf -Destination both.gguf
        (Get-ImportanceMatrix both.gguf | Sort-Object Name).Mean | Should -Be (Get-ImportanceMatrix m.dat | Sort-Object Name).Mean
    }

    It 'takes what made a matrix from the pipeline' {
        ConvertTo-ImportanceMatrix m.dat Gguf -Destination piped.gguf | Get-ImportanceMatrix | Should -HaveCount 4
    }

    It 'does not take a model for a matrix' {
        $failure = Get-ImportanceMatrix $Samples.Model -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "NotImportanceMatrix,$class"
        $failure.CategoryInfo.Category | Should -Be 'InvalidArgument'
        $failure.TargetObject | Should -Be $Samples.Model
        $failure.Exception.Message | Should -BeLike '*is a model, not an importance matrix.'
    }

    It 'passes over a matrix that is cut off' {
        [IO.File]::WriteAllBytes((Join-Path $PWD cut.dat), [IO.File]::ReadAllBytes($matrix)[0..40])
        $entries = Get-ImportanceMatrix cut.dat, m.dat output.weight -ErrorVariable failures -ErrorAction SilentlyContinue
        $entries | Should -HaveCount 1
        $failures.FullyQualifiedErrorId | Should -Be "InvalidImportanceMatrix,$class"
        $failures.TargetObject | Should -Be (Join-Path $PWD cut.dat)
    }
}
