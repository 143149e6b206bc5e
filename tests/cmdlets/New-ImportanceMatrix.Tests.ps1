BeforeAll {
    $class = 'GgufQuant.Commands.NewImportanceMatrixCommand'
}

Describe 'New-ImportanceMatrix' {
    BeforeAll {
        Push-Location (New-TestFolder)
        $collected = New-ImportanceMatrix $Samples.Model $Samples.Calibration -Chunks 2 -Destination two.gguf
        $all = New-ImportanceMatrix $Samples.Model $Samples.Calibration -Chunks 4 -Destination four.gguf
        Copy-Patched $Samples.Model without.gguf -From tokenizer.ggml.model -To tokenizer.ggml.nodel
        Copy-Item $Samples.Model m-f16.gguf
    }

    AfterAll {
        Pop-Location
    }

    It 'writes what the weights are multiplied with, summed over a text' {
        $collected.Path | Should -Be (Join-Path $PWD two.gguf)
        $collected.Model | Should -Be $Samples.Model
        $collected.Entries | Should -Be 42
        $collected.Chunks | Should -Be 2
        $collected.Datasets | Should -Be $Samples.Calibration
        $collected.Perplexity | Should -BeGreaterThan 10
        $collected.Perplexity | Should -BeLessThan 60
        $collected.Duration | Should -BeGreaterThan ([timespan]::Zero)
    }

    It 'has an entry per matrix of the layers, with activations in it' {
        $entries = $collected | Get-ImportanceMatrix
        $entries | Should -HaveCount 42
        ($entries | Where-Object { $_.Sum -gt 0 -and $_.Minimum -le $_.Mean -and $_.Mean -le $_.Maximum }) | Should -HaveCount 42
        $entries.Name -match 'attn_v' | Should -HaveCount 6
        $entries.Name | Should -Not -Contain output.weight
    }

    It 'collects for the output tensor with -IncludeOutput' {
        $with = New-ImportanceMatrix $Samples.Model $Samples.Calibration -Chunks 1 -ContextLength 64 -IncludeOutput -Destination output.gguf
        ($with | Get-ImportanceMatrix).Name | Should -Contain output.weight
        $with.ChunkSize | Should -Be 64
    }

    It 'takes the texts of objects from the pipeline' {
        Copy-Item $Samples.HeldOut held.txt
        $rows = [pscustomobject] @{ Path = 'm-f16.gguf'; Corpus = 'held.txt' }, [pscustomobject] @{ Path = 'm-f16.gguf'; Corpus = 'none.txt' }
        $made = $rows[0] | New-ImportanceMatrix -ChunkCount 1 -Destination held.gguf
        $made.Datasets | Should -Be (Join-Path $PWD held.txt)
        { $rows[1] | New-ImportanceMatrix -Destination none.gguf } | Should -Throw -ErrorId "FileNotFound,$class"
        (Get-Item m-f16.gguf | New-ImportanceMatrix -ErrorAction Continue 2>&1).FullyQualifiedErrorId | Should -Be "InputObjectMissingMandatory,$class"
    }

    It 'resumes where another one ended' {
        $resumed = New-ImportanceMatrix $Samples.Model $Samples.Calibration -Chunks 2 -SkipChunks 2 -Resume two.gguf -Destination resumed.gguf
        $resumed.Chunks | Should -Be 4
        $expected = $all | Get-ImportanceMatrix | Sort-Object Name
        $actual = $resumed | Get-ImportanceMatrix | Sort-Object Name
        foreach ($i in 0..41) { [Math]::Abs($actual[$i].Sum / $expected[$i].Sum - 1) | Should -BeLessThan 1e-5 }
    }

    It 'collects parts that merge to the file of one run' {
        foreach ($part in @{ Chunks = 2 }, @{ Chunks = 1; SkipChunks = 2 }, @{ Chunks = 1; SkipChunks = 3 }) {
            $made = New-ImportanceMatrix $Samples.Model $Samples.Calibration -Part @part -Destination "part$($part.SkipChunks).gguf"
            $made.Chunks | Should -Be $part.Chunks
            Test-Gguf $made.Path | Should -BeTrue
        }
        $merged = Merge-ImportanceMatrix part3.gguf, part.gguf, part2.gguf merged.gguf -WarningVariable warnings -WarningAction SilentlyContinue
        $merged.Datasets | Should -Be $Samples.Calibration
        (Get-FileHash merged.gguf).Hash | Should -Be (Get-FileHash four.gguf).Hash
        $warnings | Should -BeLike "The parts have only chunks 1-4 of the text's *."
        $failure = Merge-ImportanceMatrix part.gguf, part3.gguf gap.gguf -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be 'InvalidImportanceMatrix,GgufQuant.Commands.MergeImportanceMatrixCommand'
        $failure.Exception.Message | Should -BeLike "*a gap, chunk 3 of the text, between '*part.gguf' (chunks 1-2) and '*part3.gguf' (chunk 4)."
        Test-Path gap.gguf | Should -BeFalse
    }

    It 'resumes a part to the file of one run' {
        $null = New-ImportanceMatrix $Samples.Model $Samples.Calibration -Chunks 2 -SkipChunks 2 -Resume part.gguf -Destination continued.gguf
        (ConvertTo-ImportanceMatrix continued.gguf Dat | Get-ImportanceMatrix).Sum | Should -Be (ConvertTo-ImportanceMatrix four.gguf Dat | Get-ImportanceMatrix).Sum
    }

    It 'is used by ConvertTo-Quantized' {
        # A type that needs one, for a model of one layer.
        $made = ConvertTo-Quantized $Samples.Model Q2_K_S -ImportanceMatrix two.gguf -PruneLayer 1, 2, 3, 4, 5 -Destination .
        $made.BitsPerWeight | Should -BeLessThan 4
        ($made | Get-GgufInfo -Metadata).Metadata.'quantize.imatrix.file' | Should -BeLike '*two.gguf'
    }

    It 'writes beside the model by default' {
        (New-ImportanceMatrix m-f16.gguf $Samples.Calibration -Chunks 1).Path | Should -Be (Join-Path $PWD m-imatrix.gguf)
    }

    It 'replaces a file only with -Force' {
        Set-Content m-imatrix.gguf 'precious'
        $failure = New-ImportanceMatrix m-f16.gguf $Samples.Calibration -Chunks 1 -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "DestinationExists,$class"
        $failure.CategoryInfo.Category | Should -Be 'ResourceExists'
        $failure.TargetObject | Should -Be (Join-Path $PWD m-imatrix.gguf)
        Get-Content m-imatrix.gguf | Should -Be 'precious'
        (New-ImportanceMatrix m-f16.gguf $Samples.Calibration -Chunks 1 -Force).Entries | Should -Be 42
        Remove-Item m-imatrix.gguf
    }

    It 'writes the older format to a name in .dat' {
        $null = New-ImportanceMatrix m-f16.gguf $Samples.Calibration -Chunks 1 -Destination m.dat
        (Get-Content m.dat -AsByteStream -TotalCount 4) | Should -Be 42, 0, 0, 0
    }

    It 'does not replace the matrix of another model that it has just written' {
        $null = New-Item models -ItemType Directory
        foreach ($name in 'm-f16', 'm-f32') { Copy-Item $Samples.Model models/$name.gguf }
        $made = Get-ChildItem models/*.gguf |
            New-ImportanceMatrix -Corpus $Samples.Calibration -Chunks 1 -Destination models -Force -ErrorVariable failures -ErrorAction SilentlyContinue
        $made.Path | Should -Be (Join-Path $PWD models m-imatrix.gguf)
        $made.Model | Should -Be (Join-Path $PWD models m-f16.gguf)
        $failures.FullyQualifiedErrorId | Should -Be "DestinationUsedTwice,$class"
    }

    It 'passes over a model that cannot be run' {
        $made = New-ImportanceMatrix without.gguf, m-f16.gguf $Samples.Calibration -Chunks 1 -Destination passed -ErrorVariable failures -ErrorAction SilentlyContinue
        $made.Model | Should -Be (Join-Path $PWD m-f16.gguf)
        $failures.FullyQualifiedErrorId | Should -Be "CannotRunModel,$class"
        $failures.CategoryInfo.Category | Should -Be 'InvalidOperation'
        $failures.TargetObject | Should -Be (Join-Path $PWD without.gguf)
    }

    It 'says that it cannot write to <Destination> before the model is run' -ForEach @(
        @{ Destination = 'file.txt/m.gguf'; Id = 'FolderNotFound' }
        @{ Destination = 'taken'; Id = 'FileError' }
    ) {
        Set-Content file.txt 'precious'
        $null = New-Item taken/without-imatrix.gguf -ItemType Directory -Force
        $failure = New-ImportanceMatrix without.gguf $Samples.Calibration -Destination $Destination -Force -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "$Id,$class"
    }

    It 'needs a text that is long enough' {
        Set-Content short.txt 'It was a truth.'
        $failure = New-ImportanceMatrix m-f16.gguf short.txt -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "CorpusTooShort,$class"
        Test-Path m-imatrix.gguf | Should -BeFalse
    }

    It 'rejects <Arguments>' -ForEach @(
        @{ Arguments = @{ Corpus = 'none.txt' }; Id = 'FileNotFound' }
        @{ Arguments = @{ Corpus = 'short.txt'; Chunks = 0 }; Id = 'ParameterArgumentValidationError' }
        @{ Arguments = @{ Corpus = 'short.txt'; SkipChunks = -1 }; Id = 'ParameterArgumentValidationError' }
        @{ Arguments = @{ Corpus = 'short.txt'; Part = $true; Resume = 'two.gguf' }; Id = 'ParametersExclusive' }
        @{ Arguments = @{ Corpus = 'short.txt'; Part = $true; Destination = 'part.dat' }; Id = 'PartInDat' }
        @{ Arguments = @{ Corpus = 'short.txt'; ContextLength = 3 }; Id = 'ParameterArgumentValidationError' }
        @{ Arguments = @{ Corpus = 'short.txt'; Threads = 0 }; Id = 'ParameterArgumentValidationError' }
    ) {
        { New-ImportanceMatrix m-f16.gguf @Arguments } | Should -Throw -ErrorId "$Id,$class"
    }

    It 'says what is wrong with a matrix to resume' {
        Set-Content bad.dat 'no matrix'
        $failure = New-ImportanceMatrix m-f16.gguf $Samples.Calibration -Resume bad.dat -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "InvalidImportanceMatrix,$class"
        $failure.Exception.Message | Should -BeLike '*bad.dat*'
    }

    It 'needs an engine' {
        $result = Invoke-PowerShell @"
            Import-Module '$(Copy-ModuleWithoutEngine)'
            try { New-ImportanceMatrix m-f16.gguf '$($Samples.Calibration)' } catch { `$_.FullyQualifiedErrorId, `$_.CategoryInfo.Category }
"@
        $result.Output -split '\r?\n' | Should -Be "EngineMissing,$class", 'NotInstalled'
    }

    It 'asks before it writes, and says what it would do' {
        $command = "New-ImportanceMatrix m-f16.gguf '$($Samples.Calibration)'"
        $result = Invoke-PowerShell "$command -WhatIf; $command -Confirm" -InputText "n`n"
        $result.Output -replace '\s+', ' ' |
            Should -BeLike "What if: *`"Collect the importance matrix of 'm-f16.gguf' over 'calibration.txt'`" on target*Are you sure*"
        Test-Path m-imatrix.gguf | Should -BeFalse
    }

    It 'shows its progress' {
        $progress = (Invoke-Streams "New-ImportanceMatrix m-f16.gguf '$($Samples.Calibration)' -Chunks 6 -Threads 1 -Destination progress.gguf").Progress |
            Where-Object Activity -EQ 'Collecting the importance matrix of m-f16.gguf'
        $progress | Where-Object StatusDescription -Match '^Chunk \d+ of 6, perplexity \d+\.\d\d$' | Should -Not -BeNullOrEmpty
        $progress[-1].RecordType | Should -Be 'Completed'
    }

    It 'ends at once on Ctrl+C, and leaves nothing behind' -Skip:$IsWindows {
        $command = "New-ImportanceMatrix m-f16.gguf '$($Samples.Calibration)' -Destination stopped"
        $result = Invoke-Interrupted $command -When { Test-Path stopped }
        $result.Duration.TotalSeconds | Should -BeLessThan 5
        Get-ChildItem stopped | Should -BeNullOrEmpty
    }
}
