BeforeAll {
    $class = 'GgufQuant.Commands.ExportQuantReportCommand'
}

Describe 'Export-QuantReport' {
    BeforeAll {
        Push-Location (New-TestFolder)
        $rows = ConvertTo-Quantized $Samples.Model Q8_0, Q4_0 -Destination . | Compare-Quant
        Pop-Location
    }

    BeforeEach {
        Push-Location (New-TestFolder)
    }

    AfterEach {
        Pop-Location
    }

    It 'writes a page with one row per file' {
        $page = $rows | Export-QuantReport r.html
        $page | Should -BeOfType IO.FileInfo
        $page.PSPath | Should -Be (Get-Item r.html).PSPath
        $text = Get-Content r.html -Raw
        $text | Should -BeLike '<!DOCTYPE html>*'
        $text | Should -Match '(?s)F16.*Q8_0.*Q4_0|F16.*Q4_0.*Q8_0'
    }

    It 'writes <Format> to <Name>' -ForEach @(
        @{ Name = 'r.html'; Arguments = @{}; Format = 'Html' }
        @{ Name = 'r.txt'; Arguments = @{}; Format = 'Html' }
        @{ Name = 'r.md'; Arguments = @{}; Format = 'Markdown' }
        @{ Name = 'r.MD'; Arguments = @{}; Format = 'Markdown' }
        @{ Name = './s.txt'; Arguments = @{ Format = 'Markdown' }; Format = 'Markdown' }
        @{ Name = 'r [1].md'; Arguments = @{ Format = 'Html' }; Format = 'Html' }
    ) {
        ($rows | Export-QuantReport $Name @Arguments).FullName | Should -Be ([IO.Path]::GetFullPath($Name, $PWD))
        Get-Content -LiteralPath $Name -TotalCount 1 | Should -BeLike @{ Html = '<!DOCTYPE html>*'; Markdown = '# *' }[$Format]
    }

    It 'distinguishes two files of one type' {
        $null = ConvertTo-Quantized $Samples.Model Q8_0 -Destination first.gguf
        $null = ConvertTo-Quantized $Samples.Model Q8_0 -Destination second.gguf
        $null = Compare-Quant first.gguf, second.gguf -Reference $Samples.Model | Export-QuantReport same.md
        Get-Content same.md -Raw | Should -Match '(?s)\| first \|.*\| second \|'
    }

    It 'is headed by the name of the reference, or by -Title' {
        $null = $rows | Export-QuantReport r.md
        Get-Content r.md -TotalCount 1 | Should -BeLike '# novels-6m-f16*'
        $null = $rows | Export-QuantReport titled.md -Title 'My model'
        Get-Content titled.md -TotalCount 1 | Should -BeLike '# My model*'
    }

    It 'writes the same in every culture' {
        $null = $rows | Export-QuantReport r.html
        $before = [cultureinfo]::CurrentCulture
        $culture = [cultureinfo]::InvariantCulture.Clone()
        $culture.NumberFormat.NumberDecimalSeparator = ','
        try {
            [cultureinfo]::CurrentCulture = $culture
            $null = $rows | Export-QuantReport comma.html
        }
        finally {
            [cultureinfo]::CurrentCulture = $before
        }
        Get-Content comma.html | Should -Be (Get-Content r.html)
    }

    It 'takes rows as a parameter' {
        Export-QuantReport r.md -InputObject $rows | Should -Not -BeNullOrEmpty
        $null = $rows | Export-QuantReport piped.md
        Get-Content r.md | Should -Be (Get-Content piped.md)
    }

    It 'takes nothing but rows of Compare-Quant' {
        { Get-Item $Samples.Model | Export-QuantReport r.md -ErrorAction Stop } | Should -Throw -ErrorId "InputObjectNotBound,$class"
    }

    It 'replaces a file only with -Force' {
        Set-Content r.md 'precious'
        { $rows | Export-QuantReport r.md } | Should -Throw -ErrorId "DestinationExists,$class"
        Get-Content r.md | Should -Be 'precious'
        $null = $rows | Export-QuantReport r.md -Force
        Get-Content r.md -TotalCount 1 | Should -BeLike '# novels-6m-f16*'
    }

    It 'says that it cannot write to <Name> before anything is compared' -ForEach @(
        @{ Name = 'taken.md'; Id = 'DestinationExists'; Category = 'ResourceExists' }
        @{ Name = 'folder'; Id = 'PathIsFolder'; Category = 'InvalidArgument' }
    ) {
        Set-Content taken.md 'precious'
        $null = New-Item folder -ItemType Directory
        $failure = (Invoke-Streams "Compare-Quant none.gguf -Reference none.gguf | Export-QuantReport $Name").Error
        $failure.FullyQualifiedErrorId | Should -Be "$Id,$class"
        $failure.CategoryInfo.Category | Should -Be $Category
        $failure.TargetObject | Should -Be (Join-Path $PWD $Name)
    }

    It 'needs the row of the reference' {
        $failure = $rows[1] | Export-QuantReport r.md -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "NoReference,$class"
        $failure.CategoryInfo.Category | Should -Be 'InvalidArgument'
        Test-Path r.md | Should -BeFalse
    }

    It 'is about one reference' {
        $copies = 'a.gguf', 'b.gguf' | ForEach-Object { Copy-Item $Samples.Model $_ -PassThru }
        $failure = $copies | ConvertTo-Quantized -Type Q4_0 | Compare-Quant | Export-QuantReport r.md -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "SeveralReferences,$class"
        $failure.Exception.Message | Should -BeLike "*'$($copies[0])' and '$($copies[1])'*"
        Test-Path r.md | Should -BeFalse
    }

    It 'recommends what Find-QuantType recommends of the same files for the same memory' {
        $measured = ConvertTo-Quantized $Samples.Model Q8_0, Q4_K_M, Q2_K -Destination . | Compare-Quant -Corpus $Samples.HeldOut -ChunkCount 1
        foreach ($reserve in @{}, @{ Reserve = '1%' }) {
            $expected = $measured | Find-QuantType -Memory 7720KB @reserve | Where-Object Type -In $measured.Type | Sort-Object Fit, KlDivergence
            $null = $measured | Export-QuantReport r.md -Memory 7720KB -Force @reserve
            Get-Content r.md -Raw | Should -BeLike "*`n`*`*Recommended: $($expected[0].Type).`*`* $($expected[0].Type) is the best quantization *"
        }
        $null = $measured | Export-QuantReport none.html -Memory 1MB
        Get-Content none.html -Raw | Should -BeLike '*<p class="answer">None fits into 1.00 MiB: Q2_K, the smallest, takes *'
    }

    It 'warns that it cannot recommend what was not measured' {
        $null = $rows | Export-QuantReport r.md -Memory 1GB -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings | Should -HaveCount 1
        $warnings[0].Message | Should -BeLike '*Compare-Quant -Corpus*'
    }

    It 'takes -Reserve with -Memory only' {
        { $rows | Export-QuantReport r.md -Reserve 5% } | Should -Throw -ErrorId "ParameterMissing,$class"
    }

    It 'completes formats' {
        (Complete-Line 'Export-QuantReport r -Format ').CompletionText | Should -Be 'Html', 'Markdown', 'ModelCard'
    }

    It 'asks before it writes, and says what it would do' {
        $compare = "`$rows = Compare-Quant '$($Samples.Model)' -Reference '$($Samples.Model)'"
        $result = Invoke-PowerShell "$compare; `$rows | Export-QuantReport r.md -WhatIf; `$rows | Export-QuantReport r.md -Confirm" -InputText "n`n"
        $result.Output -replace '\s+', ' ' | Should -BeLike 'What if: *"Write a report on 0 quantizations" on target*Are you sure*'
        Test-Path r.md | Should -BeFalse
    }

    Context 'as a model card' {
        It 'has the hash of each file, and the commands that make them' {
            $files = ConvertTo-Quantized $Samples.Model Q8_0, Q4_0 -Destination . -Hash
            $null = $files | Compare-Quant -Corpus $Samples.HeldOut -ChunkCount 2 |
                Export-QuantReport README.md -Format ModelCard -BaseModel owner/model -QuantizedBy me
            $text = Get-Content README.md -Raw
            $text | Should -BeLike "---`nbase_model: `"owner/model`"*`nquantized_by: `"me`"*`n---`n*"
            foreach ($file in $files) { $text | Should -Match "\| $([regex]::Escape((Split-Path $file -Leaf))) \| $($file.Type) \|.*\| ``$($file.Hash.ToLowerInvariant())`` \|" }
            $text | Should -BeLike "*ConvertTo-Quantized 'novels-6m-f16.gguf' -Type Q8_0, Q4_0`nCompare-Quant *-Corpus 'heldout.txt' -ChunkCount 2`n*"
            $text | Should -BeLike '*The files name no importance matrix and no calibration.*'
        }

        It 'gives no command for a file with types of its own' {
            $null = ConvertTo-Quantized $Samples.Model Q8_0 -TensorType 'attn_v=Q4_0' -Destination own.gguf | Compare-Quant |
                Export-QuantReport card.md -Format ModelCard
            Get-Content card.md -Raw | Should -Not -BeLike '*ConvertTo-Quantized*'
        }

        It 'is not written if a file is gone' {
            $file = ConvertTo-Quantized $Samples.Model Q8_0 -Destination gone.gguf
            $compared = $file | Compare-Quant
            Remove-Item gone.gguf
            { $compared | Export-QuantReport card.md -Format ModelCard -ErrorAction Stop } | Should -Throw '*gone.gguf*'
            'card.md' | Should -Not -Exist
        }
    }
}
