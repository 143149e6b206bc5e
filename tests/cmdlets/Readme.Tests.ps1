# README's PowerShell runs as written, and its tables are what the commands print.
BeforeDiscovery {
    $readme = Get-Content (Join-Path $Samples.Root README.md) -Raw
    $number = 0
    $blocks = foreach ($match in [regex]::Matches($readme, '(?s)```powershell\n(.*?)```')) {
        $number++
        $statements = [Management.Automation.Language.Parser]::ParseInput($match.Groups[1].Value, [ref] $null, [ref] $null).EndBlock.Statements
        foreach ($statement in $statements) { @{ Block = $number; Text = $statement.Extent.Text } }
    }
}

BeforeAll {
    $readme = Get-Content (Join-Path $Samples.Root README.md) -Raw
    $lines = $readme.Split("`n").TrimEnd()
}

Describe 'README' {
    Context 'its examples, in order' {
        BeforeAll {
            Copy-Item $Samples.Model (Join-Path $TestDrive model-f16.gguf)
            Copy-Item $Samples.HeldOut, $Samples.Calibration, (Join-Path $Samples.Root samples continuations.txt) $TestDrive
            Set-Content (Join-Path $TestDrive jobs.csv) 'Path,Type', 'model-f16.gguf,Q8_0', 'model-f16.gguf,Q4_K_M'
            $hubFolder = New-TestFolder
            $llama = New-Item (Join-Path $hubFolder bartowski Meta-Llama-3-8B-Instruct-GGUF) -ItemType Directory
            foreach ($type in 'Q8_0', 'Q4_K_M') {
                $null = ConvertTo-Quantized $Samples.Model $type -Destination (Join-Path $llama "Meta-Llama-3-8B-Instruct-$type.gguf")
            }
            Copy-Item $Samples.Model (Join-Path (New-Item (Join-Path $hubFolder owner model-GGUF) -ItemType Directory) model-f16.gguf)
            $hub = New-LoopbackHub $hubFolder
            $endpoint = $env:HF_ENDPOINT
            $env:HF_ENDPOINT = $hub.Endpoint
            Push-Location $TestDrive
            $folder = $PWD.ProviderPath
        }

        AfterAll {
            Pop-Location
            $env:HF_ENDPOINT = $endpoint
            $hub.Dispose()
        }

        It 'prints something: <Text>' -ForEach $blocks {
            Set-Location $folder
            $result = Invoke-Streams $Text
            $result.Error | Should -BeNullOrEmpty
            $result.Output | Should -Not -BeNullOrEmpty
        }

        It 'ends with the largest file of the hub that fits, on disk' {
            Get-FileHash (Join-Path $folder Meta-Llama-3-8B-Instruct-Q8_0.gguf) |
                ForEach-Object Hash | Should -Be (Get-FileHash (Join-Path $llama Meta-Llama-3-8B-Instruct-Q8_0.gguf)).Hash
        }
    }

    It 'names every cmdlet' {
        foreach ($name in (Import-PowerShellDataFile $Samples.Manifest).CmdletsToExport) {
            $verb, $noun = $name.Split('-')
            $readme | Should -Match "``$name``|``$verb-``.*-$noun``|``$noun``"
        }
    }

    It 'shows the types as Get-QuantType prints them' {
        $table = Get-QuantType | Where-Object Name -in Q8_0, Q5_K_M, Q4_K_M, Q3_K_M, Q2_K | Format-Lines -Width 120
        @($table -ne '').Count | Should -Be 7
        $table -ne '' | ForEach-Object { $lines | Should -Contain $_ }
    }

    It 'shows what the course says beside the truth' {
        $run = Invoke-PowerShell "& '$(Join-Path $Samples.Root samples course-table.ps1)' -ChunkCount 2" -Environment @{ TMPDIR = "$TestDrive" } -TimeoutSeconds 600
        $run.Error | Should -BeNullOrEmpty
        # All but the last column: the quality of the sample model, here on little of the text.
        $printed = @($run.Output -split '\r?\n' -match '^\w+ +\d+\.\d ' -replace ' +[\d.]+ *$')
        $printed.Count | Should -Be 6
        $shown = $lines -replace ' +[\d.]+ *$'
        $printed | ForEach-Object { $shown | Should -Contain $_ }
    }

    It 'shows the answers to the sample questions' {
        $rows = ConvertTo-Quantized $Samples.Model Q2_K -Destination $TestDrive | Measure-GgufTask -DataPath (Join-Path $Samples.Root samples continuations.txt)
        foreach ($row in $rows) {
            $shown = @($lines -match "^$($row.Type) .*% +[\d.]+ - [\d.]+%")[0] -split ' +'
            # Where vectors have another width, a few answers change.
            [double] $shown[2].TrimEnd('%') | Should -BeLessOrEqual (100 * $row.Accuracy + 1.5)
            [double] $shown[2].TrimEnd('%') | Should -BeGreaterOrEqual (100 * $row.Accuracy - 1.5)
        }
    }

    It 'shows the table that the demo ends with' {
        $run = Invoke-PowerShell "& '$(Join-Path $Samples.Root samples demo.ps1)'" -Environment @{ TMPDIR = "$TestDrive" } -TimeoutSeconds 900
        $run.Error | Should -BeNullOrEmpty
        $cells = { param($line) $line -split '[ %]+' -ne '' }
        $rows = @($run.Output -split '\r?\n' -match '\.gguf.*±')
        $rows.Count | Should -Be 8
        foreach ($row in $rows) {
            $measured = & $cells $row
            $shown = & $cells @($lines -match '±' -match [regex]::Escape($measured[1]))[0]
            $shown.Count | Should -Be $measured.Count
            for ($i = 0; $i -lt $shown.Count; $i++) {
                # llama.cpp rounds otherwise where vectors have another width, which moves the last digits: of a difference
                # by less than its error, which stands two words later.
                $expected = 0.0
                if ([double]::TryParse($shown[$i], [cultureinfo]::InvariantCulture, [ref] $expected)) {
                    $tolerance = 0.05 * [Math]::Abs($expected) + 1e-9
                    if ($shown[$i] -match '^[+-]') { $tolerance = [double]::Parse($shown[$i + 2], [cultureinfo]::InvariantCulture) }
                    elseif ($i -gt 1 -and $shown[$i - 2] -match '^[+-]') { $tolerance = 0.5 * $expected }
                    [double]::Parse($measured[$i], [cultureinfo]::InvariantCulture) | Should -BeGreaterOrEqual ($expected - $tolerance)
                    [double]::Parse($measured[$i], [cultureinfo]::InvariantCulture) | Should -BeLessOrEqual ($expected + $tolerance)
                }
                else {
                    $measured[$i] | Should -BeExactly $shown[$i]
                }
            }
        }
    }
}
