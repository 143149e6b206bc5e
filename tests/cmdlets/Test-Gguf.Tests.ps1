Describe 'Test-Gguf' {
    BeforeAll {
        Push-Location (New-TestFolder)
        $sample = [IO.File]::ReadAllBytes($Samples.Model)
        [IO.File]::WriteAllBytes((Join-Path $PWD cut.gguf), $sample[0..999999])
        # Of the last weight, which is an F16, makes a NaN.
        $sample[-1] = 0x7f
        $sample[-2] = 0xff
        [IO.File]::WriteAllBytes((Join-Path $PWD nan.gguf), $sample)
    }

    AfterAll {
        Pop-Location
    }

    It 'is true for a sound file and false for a cut one' {
        Test-Gguf $Samples.Model, cut.gguf | Should -Be $true, $false
    }

    It 'is false, not an error, for a file of another kind' {
        Set-Content other.gguf 'no model'
        Test-Gguf other.gguf | Should -BeFalse
    }

    It 'finds a weight that is not a number' {
        Test-Gguf nan.gguf | Should -BeFalse
        (Test-Gguf nan.gguf -Detailed).Findings | Format-Lines | Assert-Golden CheckFinding
    }

    It 'reads no weights with -HeaderOnly' {
        Test-Gguf nan.gguf, cut.gguf, $Samples.Model -HeaderOnly | Should -Be $true, $false, $true
        $null = New-TestGguf sparse.gguf -Tensor ([ordered] @{ a = 256GB / 4 }) -Sparse
        (Measure-Command { Test-Gguf sparse.gguf -HeaderOnly }).TotalSeconds | Should -BeLessThan 5
    }

    It 'returns what was found about each file with -Detailed' {
        $tests = Test-Gguf cut.gguf, $Samples.Model -Detailed
        $tests.Path | Should -Be (Join-Path $PWD cut.gguf), $Samples.Model
        $tests.IsSound | Should -Be $false, $true
        $tests.Errors | Should -Be 1, 0
        $tests.Warnings | Should -Be 0, 0
        $tests[0].Findings | Should -HaveCount 1
        $tests[0].Findings[0].Severity | Should -Be 'Error'
        $tests[0].Findings[0].Path | Should -Be (Join-Path $PWD cut.gguf)
        $tests[0].Findings[0].Subject | Should -Not -BeNullOrEmpty
        $tests[1].Findings | Should -BeNullOrEmpty
    }

    It 'shows files as a table, and what was found in a list' {
        $tests = Test-Gguf nan.gguf, $Samples.Model -Detailed
        $lines = $tests | Format-Lines -Width 80
        $lines[2] | Should -BeLike 'False      1        0 nan.gguf * Error: output.weight*'
        $lines[3] | Should -BeLike 'True       0        0 novels-6m-f16.gguf*'
        $tests[0] | Format-List | Format-Lines | Should -Contain 'Findings : Error: output.weight: The weight in row 2047, column 255 is not finite.'
    }

    It 'says what is wrong with -Verbose' {
        $output = Test-Gguf nan.gguf -Verbose 4>&1
        $output[0].Message | Should -Be 'Error: output.weight: The weight in row 2047, column 255 is not finite.'
        $output[1] | Should -BeFalse
    }

    It 'filters files' {
        Get-ChildItem cut.gguf, $Samples.Model | Where-Object { Test-Gguf $_ } | ForEach-Object FullName | Should -Be $Samples.Model
    }

    Context 'of a split model' {
        BeforeAll {
            $shards = New-TestVector m.gguf | Split-Gguf -Destination parts -MaxTensor 1
        }

        It 'answers once' {
            $shards | Test-Gguf | Should -Be $true
            Test-Gguf parts/*.gguf | Should -Be $true
        }

        It 'answers for each file that is only named like one of several' {
            $null = New-Item alone -ItemType Directory
            foreach ($number in 1, 2) { Copy-Item m.gguf "alone/m-0000$number-of-00002.gguf" }
            Test-Gguf alone/*.gguf | Should -Be $true, $true
        }

        It 'says which file is missing' {
            $null = New-Item half -ItemType Directory
            Copy-Item $shards[0] half
            Test-Gguf half/*.gguf | Should -BeFalse
            (Test-Gguf half/*.gguf -Detailed).Findings.Message | Should -BeLike '*Shard 2 of 2 is missing*'
        }

        It 'names all missing files by any that is there, also with -HeaderOnly' {
            $null = New-Item some -ItemType Directory
            $many = Split-Gguf $Samples.Model -Destination some -MaxSize 2MB | Convert-Path
            $gone = $many[0, 2, -1]
            $gone | Remove-Item
            foreach ($arguments in @{}, @{ HeaderOnly = $true }) {
                $test = Test-Gguf $many[3] -Detailed @arguments
                $test.IsSound | Should -BeFalse
                $test.Findings.Subject | Should -Be $gone
                $test.Findings[1].Message | Should -Be "Shard 3 of $($many.Count) is missing: '$($gone[1])' does not exist."
            }
            { Get-GgufInfo $many[1] -ErrorAction Stop } | Should -Throw "3 of $($many.Count) shards are missing: 1, 3, $($many.Count). The first is '$($gone[0])'.*"
        }
    }

    It 'shows its progress' {
        $null = New-TestGguf big.gguf -Tensor ([ordered] @{ a = 2GB / 4 }) -Sparse
        $progress = (Invoke-Streams 'Test-Gguf big.gguf').Progress
        $progress[0].Activity | Should -Be 'Checking big.gguf'
        $progress[0].StatusDescription | Should -Be 'a'
        $progress[-1].RecordType | Should -Be 'Completed'
    }

    It 'ends at once on Ctrl+C' -Skip:$IsWindows {
        $null = New-TestGguf huge.gguf -Tensor ([ordered] @{ a = 256GB / 4 }) -Sparse
        $result = Invoke-Interrupted 'Import-Module GgufQuant; New-Item started; Test-Gguf huge.gguf' -When { Test-Path started }
        $result.Duration.TotalSeconds | Should -BeLessThan 5
        $result.Output | Should -Not -Match 'True|False'
    }
}
