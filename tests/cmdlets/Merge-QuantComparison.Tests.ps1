BeforeAll {
    $class = 'GgufQuant.Commands.MergeQuantComparisonCommand'
}

Describe 'Merge-QuantComparison' {
    BeforeAll {
        Push-Location (New-TestFolder)
        $made = Get-GgufInfo $Samples.Model | ConvertTo-Quantized -Type Q2_K, Q4_K_M -Destination .
        $text = @{ Corpus = $Samples.HeldOut; ContextLength = 64; ThreadCount = 1 }
        $whole = $made | Compare-Quant @text -ChunkCount 4
        $last = $made | Compare-Quant @text -SkipChunk 3 -ChunkCount 1 -Part -PredictionOnly
        $first = $made | Compare-Quant @text -ChunkCount 3 -Part
    }

    AfterAll {
        Pop-Location
    }

    It 'returns the rows of one run, also from a file' {
        @($last; $first) | Export-Clixml rows.xml
        $merged = Import-Clixml rows.xml | Merge-QuantComparison -WarningVariable warnings -WarningAction SilentlyContinue
        $warnings | Should -BeLike "The parts have only chunks 1-4 of the text's *."
        $merged.Path | Should -Be $whole.Path
        foreach ($i in 0..2) {
            foreach ($property in $whole[$i].PSObject.Properties) {
                $merged[$i].($property.Name) | Should -Be $property.Value -Because "$($property.Name) of row $i is that of one run"
            }
        }
        foreach ($i in 1, 2) {
            ($merged[$i].GetPredictions() | Select-Object * -ExcludeProperty Duration | ConvertTo-Json -Depth 5) |
                Should -Be ($whole[$i].GetPredictions() | Select-Object * -ExcludeProperty Duration | ConvertTo-Json -Depth 5)
            $merged[$i].GetWeightError().RelativeRmsError | Should -Be $whole[$i].RelativeRmsError
        }
        ($merged | Format-Lines) | Should -Be ($whole | Format-Lines)
    }

    It 'returns the rows of one run that reads the logits of the reference, which no part evaluates' {
        $logits = @{ LogitsFile = 'logits.bin' }
        $null = $made[0] | Compare-Quant @text @logits -ChunkCount 4 -PredictionOnly
        $written = (Get-Item logits.bin).LastWriteTimeUtc
        $one = $made | Compare-Quant @text @logits -ChunkCount 4 -PredictionOnly
        $parts = foreach ($part in @{ SkipChunk = 2; ChunkCount = 2 }, @{ ChunkCount = 2 }) { $made | Compare-Quant @text @logits @part -Part -PredictionOnly }
        $merged = $parts | Merge-QuantComparison -WarningAction SilentlyContinue
        (Get-Item logits.bin).LastWriteTimeUtc | Should -Be $written
        foreach ($i in 0..2) {
            foreach ($property in $one[$i].PSObject.Properties) {
                $merged[$i].($property.Name) | Should -Be $property.Value -Because "$($property.Name) of row $i is that of one run"
            }
        }
    }

    It 'gets parts without what was left unread' {
        'RelativeRmsError', 'CosineSimilarity', 'SignalToNoise', 'MaxAbsoluteError', 'WorstTensor' | Where-Object { $null -ne $last[1].$_ } | Should -BeNullOrEmpty
        $last[1].GetWeightError() | Should -BeNullOrEmpty
        $last.IsReference | Should -Be $true, $false, $false
        $null = $last | Export-QuantReport last.html
        'last.html' | Should -FileContentMatch 'Q2_K'
    }

    It 'rejects <Problem>' -ForEach @(
        @{ Problem = 'a gap'; Message = '*a gap, chunks 2-3 of the text, between chunk 1 and chunk 4.'; Rows = { $last; $made | Compare-Quant @text -ChunkCount 1 -Part -PredictionOnly } }
        @{ Problem = 'an overlap'; Message = '*overlap: chunk 4 and chunk 4 of the text have chunks in common.'; Rows = { $last; $last } }
        @{ Problem = 'rows of the reference alone'; Message = '*no model but the reference*'; Rows = { $first[0] } }
        @{ Problem = 'different chunks of the models'; Message = '*are of chunks 1-3 of the text, but*are of chunk 4.'; Rows = { $first[1]; $last[2] } }
        @{ Problem = 'rows without predictions'; Message = '*was not measured with -Part*'; Rows = { $whole } }
        @{ Problem = 'parts with and without stored logits'; Message = '*logits from a file*'; Rows = { $first; $made | Compare-Quant @text -SkipChunk 3 -ChunkCount 1 -Part -PredictionOnly -LogitsFile stored.bin } }
        @{ Problem = 'another text'; Message = '*of different texts*'; Rows = { $last; $made[0] | Compare-Quant -Corpus $Samples.Calibration -ContextLength 64 -ChunkCount 3 -Part -PredictionOnly } }
    ) {
        $rows = & $rows
        $failure = $rows | Merge-QuantComparison -ErrorAction Continue 2>&1
        $failure.FullyQualifiedErrorId | Should -Be "PartsDoNotMerge,$class"
        $failure.CategoryInfo.Category | Should -Be 'InvalidData'
        $failure.Exception.Message | Should -BeLike $message
    }

    It 'rejects parts of another file of the same name' {
        Copy-Item $made[1].Path moved.gguf
        $part = Compare-Quant moved.gguf -Reference $Samples.Model @text -ChunkCount 3 -Part -PredictionOnly
        Copy-Item $made[0].Path moved.gguf
        $other = Compare-Quant moved.gguf -Reference $Samples.Model @text -SkipChunk 3 -ChunkCount 1 -Part -PredictionOnly
        (@($part; $other) | Merge-QuantComparison -ErrorAction Continue 2>&1).Exception.Message | Should -BeLike '*moved.gguf* was another file*'
    }

    It 'rejects records that are damaged' {
        $first | Export-Clixml damaged.xml
        $xml = [xml] (Get-Content damaged.xml -Raw)
        foreach ($node in $xml.SelectNodes("//*[@N='SerializedData']")) {
            $node.InnerText = [regex]::new('"Records":"....').Replace($node.InnerText, '"Records":"', 1)
        }
        $xml.Save((Join-Path $PWD damaged.xml))
        $failure = Import-Clixml damaged.xml | Merge-QuantComparison -ErrorAction Continue 2>&1
        $failure.Exception.Message | Should -Be 'The records of the predictions of chunks 1-3 are missing or damaged.'
    }
}
