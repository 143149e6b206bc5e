BeforeAll {
    $class = 'GgufQuant.Commands.MeasureGgufTaskCommand'
    $questions = Join-Path $Samples.Root samples continuations.txt
}

Describe 'Measure-GgufTask' {
    BeforeAll {
        Push-Location (New-TestFolder)
        $made = ConvertTo-Quantized $Samples.Model Q8_0, Q2_K -Destination .
        $rows = $made | Measure-GgufTask -DataPath $questions -Count 40 -ThreadCount 1
        Copy-Item $Samples.Model same.gguf
        Copy-Patched $Samples.Model without.gguf -From tokenizer.ggml.model -To tokenizer.ggml.nodel
        Set-Content broken.txt 'A', '0', 'a', 'b', 'c', 'd', 'B', 'five', 'a', 'b', 'c', 'd'
    }

    AfterAll { Pop-Location }

    It 'returns a row per file, the reference first' {
        $rows.Type | Should -Be 'F16', 'Q8_0', 'Q2_K'
        $rows.Reference | Select-Object -Unique | Should -Be $Samples.Model
        $rows.IsReference | Should -Be $true, $false, $false
        $rows.Path[1..2] | Should -Be $made.Path
        $rows.Task | Select-Object -Unique | Should -Be HellaSwag
        $rows.DataPath | Select-Object -Unique | Should -Be $questions
        $rows | ForEach-Object Count | Should -Be 40, 40, 40
    }

    It 'counts the correct answers, and says how sure the accuracy is' {
        foreach ($row in $rows) {
            $row.Accuracy | Should -Be ($row.Correct / 40)
            $row.Accuracy | Should -BeGreaterThan $row.AccuracyLow
            $row.Accuracy | Should -BeLessThan $row.AccuracyHigh
            $row.ChanceAccuracy | Should -Be 0.25
        }
    }

    It 'compares the answers with those of the reference' {
        foreach ($row in $rows[1..2]) {
            $row.Correct | Should -Be ($rows[0].Correct - $row.Lost + $row.Gained)
            $row.SameAnswer | Should -BeLessOrEqual (1 - ($row.Lost + $row.Gained) / 40)
            $row.PValue | Should -BeGreaterThan 0
        }
        $rows[1].SameAnswer | Should -BeGreaterThan $rows[2].SameAnswer
        $rows[0].SameAnswer, $rows[0].Lost, $rows[0].Gained, $rows[0].PValue | Should -Be $null, $null, $null, $null
    }

    It 'lists every question with -Detailed' {
        $answers = Measure-GgufTask novels-6m-Q2_K.gguf $questions -Reference $Samples.Model -Count 40 -ThreadCount 1 -Detailed
        $reference, $candidate = $answers.Where({ $_.Type -eq 'F16' }, 'Split')
        $candidate.Count | Should -Be 40
        ($candidate | Where-Object IsCorrect).Count | Should -Be $rows[2].Correct
        $lost = $candidate | Where-Object { $_.ReferenceAnswer -eq $_.CorrectAnswer -and -not $_.IsCorrect }
        @($lost).Count | Should -Be $rows[2].Lost
        $candidate.ReferenceAnswer | Should -Be $reference.Answer
        $candidate.Index | Should -Be ($candidate.Index | Sort-Object)
        $one = $candidate[0]
        $one.Score.Count, $one.Choice.Count | Should -Be 4, 4
        $one.Score[$one.Answer] | Should -Be ($one.Score | Measure-Object -Maximum).Maximum
        (Get-Content $questions)[6 * $one.Index] | Should -Be $one.Question
        (Get-Content $questions)[6 * $one.Index + 2 + $one.CorrectAnswer] | Should -Be $one.Choice[$one.CorrectAnswer]
    }

    It 'takes the most precise file for the reference where there is no source' {
        $compared = Measure-GgufTask novels-6m-Q2_K.gguf, same.gguf $questions -Count 8 -ThreadCount 1
        $compared.Path | Split-Path -Leaf | Should -Be 'same.gguf', 'novels-6m-Q2_K.gguf'
        $compared[0].IsReference | Should -BeTrue
    }

    It 'measures one file alone' {
        $row = Measure-GgufTask same.gguf $questions -Count 8 -ThreadCount 1
        $row.IsReference | Should -BeTrue
        $row.Lost | Should -BeNullOrEmpty
    }

    It 'asks the questions of JSON Lines' {
        @{ question = 'It was the first time that'; choices = 'she had seen him', 'xq zzv kkp'; answer = 'she had seen him' } |
            ConvertTo-Json -Compress | Set-Content own.jsonl
        $row = Measure-GgufTask same.gguf own.jsonl -ThreadCount 1
        $row.Task, $row.Count, $row.Correct, $row.ChanceAccuracy | Should -Be 'MultipleChoice', 1, 1, 0.5
    }

    It 'asks each object the questions that it names' {
        $named = [pscustomobject] @{ Path = 'same.gguf'; DataPath = $questions }, [pscustomobject] @{ Path = 'same.gguf'; DataPath = 'own.jsonl' } |
            Measure-GgufTask -Count 1 -ThreadCount 1
        $named.DataPath | Should -Be $questions, (Join-Path $PWD own.jsonl)
        $named.Task | Should -Be HellaSwag, MultipleChoice
    }

    It 'says which line of a file is wrong before it runs a model' {
        { Measure-GgufTask same.gguf broken.txt } | Should -Throw -ErrorId "InvalidTaskData,$class" -ExpectedMessage "*broken.txt', line 8: 'five' is not the number of the true ending, 0 to 3."
        { Measure-GgufTask same.gguf none.txt } | Should -Throw -ErrorId "FileNotFound,$class"
    }

    It 'has a seed for drawing only' {
        { Measure-GgufTask same.gguf $questions -Seed 2 } | Should -Throw -ErrorId "ParameterMissing,$class"
    }

    It 'passes over a model that cannot be run' {
        $row = Measure-GgufTask without.gguf, same.gguf $questions -Reference $Samples.Model -Count 4 -ThreadCount 1 -ErrorVariable failures -ErrorAction SilentlyContinue
        $row.Path | Should -Be $Samples.Model, (Join-Path $PWD same.gguf)
        $failures.FullyQualifiedErrorId | Should -Be "CannotRunModel,$class"
        $failures.TargetObject | Should -Be (Join-Path $PWD without.gguf)
    }

    It 'measures without a reference that cannot be run' {
        $row = Measure-GgufTask same.gguf $questions -Reference without.gguf -Count 4 -ThreadCount 1 -ErrorVariable failures -ErrorAction SilentlyContinue
        $row.Path | Should -Be (Join-Path $PWD same.gguf)
        $row.Reference, $row.Lost | Should -Be $null, $null
        $failures.TargetObject | Should -Be (Join-Path $PWD without.gguf)
    }

    It 'shows the file and the figures at a width of <_>' -ForEach 80, 120, 200 {
        $text = $rows | Format-Lines -Width $_
        $text -match "^ +Task: HellaSwag, 40 questions of continuations.txt; guessing answers 25.0%$" | Should -HaveCount 1
        $text -match '^Q2_K +novels-6m-Q2_K\.gguf +\d+\.\d% +\d+\.\d - \d+\.\d% +\d+ +\d+ +\d\.\d{3}' | Should -HaveCount 1
        $text -match '^Type +File +Accuracy +95% interval +Lost +Gained +p( +Same answer +Correct)?$' | Should -HaveCount 1
    }

    It 'shows its progress' {
        $progress = (Invoke-Streams "Measure-GgufTask same.gguf '$questions' -Count 200 -ThreadCount 1").Progress | Where-Object Activity -EQ 'Asking same.gguf'
        $progress | Where-Object StatusDescription -Match '^Question \d+ of 200, \d+\.\d% correct$' | Should -Not -BeNullOrEmpty
        $progress[-1].RecordType | Should -Be 'Completed'
    }

    It 'keeps the rows that are done on Ctrl+C, and ends at once' -Skip:$IsWindows {
        $command = "Import-Module GgufQuant; Measure-GgufTask same.gguf, novels-6m-Q2_K.gguf '$questions' -Reference '$($Samples.Model)' -Count 24 -ThreadCount 1 | ForEach-Object { `$_.Path; New-Item started -Force > `$null }"
        $result = Invoke-Interrupted $command -When { Test-Path started } -Retry { Remove-Item started }
        $result.Duration.TotalSeconds | Should -BeLessThan 5
        $result.Output | Should -Match ([regex]::Escape($Samples.Model))
        $result.Output | Should -Not -Match 'Q2_K'
    }

    It 'needs an engine' {
        $result = Invoke-PowerShell @"
            Import-Module '$(Copy-ModuleWithoutEngine)'
            try { Measure-GgufTask same.gguf '$questions' } catch { `$_.FullyQualifiedErrorId, `$_.CategoryInfo.Category }
"@
        $result.Output -split '\r?\n' | Should -Be "EngineMissing,$class", 'NotInstalled'
    }
}

Describe 'The sample questions' {
    It 'are what their script makes' {
        $made = Join-Path $TestDrive continuations.txt
        $run = Invoke-PowerShell "& '$(Join-Path $Samples.Root samples continuations.ps1)' -Destination '$made'"
        $run.Error | Should -BeNullOrEmpty
        (Get-FileHash $made).Hash | Should -Be (Get-FileHash (Join-Path $Samples.Root samples continuations.txt)).Hash
    }
}
