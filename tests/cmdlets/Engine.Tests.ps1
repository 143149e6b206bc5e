# Models run in a separate process: whatever they do to it, the session survives.
BeforeDiscovery {
    $runs = @{ Skip = -not (Test-Path (Join-Path $Samples.Root module engine)) }
}

Describe 'A model that ends the engine' -Skip:$runs.Skip {
    BeforeAll {
        $data = Join-Path $PSScriptRoot data
        $sound = Join-Path $data sound.gguf
        $text = Join-Path $TestDrive text.txt
        Set-Content $text ('It was the best of times, it was the worst of times. ' * 40)
    }

    BeforeEach {
        $folder = New-TestFolder
        Copy-Item (Join-Path $data *.gguf) $folder
        Push-Location $folder
        # A norm of integers, which the loader takes and ggml aborts on when it multiplies with it.
        $bytes = [IO.File]::ReadAllBytes((Convert-Path sound.gguf))
        $name = 'output_norm.weight'
        $type = [Text.Encoding]::Latin1.GetString($bytes).IndexOf($name) + $name.Length + 12
        $bytes[$type] = 26
        [IO.File]::WriteAllBytes((Join-Path $folder abort.gguf), $bytes)
        Copy-Item sound.gguf negative.gguf
        Set-GgufMetadata negative.gguf @{ 'llama.attention.layer_norm_rms_epsilon' = [single] -1 } -WarningAction Ignore
    }

    AfterEach { Pop-Location }

    It 'is one error in Compare-GgufGeneration, and the others are run' {
        Copy-Item sound.gguf z.gguf
        $result = Invoke-Streams "Compare-GgufGeneration dup-token.gguf, abort.gguf, z.gguf -Reference sound.gguf -Prompt 'It was' -MaxToken 4"
        $result.Output.Path | Should -Be (Convert-Path z.gguf)
        $result.Output.AgreeingTokens | Should -Be 4
        $result.Error.Count | Should -Be 2
        $result.Error.FullyQualifiedErrorId | Should -Be 'CannotRunModel,GgufQuant.Commands.CompareGgufGenerationCommand', 'EngineStopped,GgufQuant.Commands.CompareGgufGenerationCommand'
        $result.Error.CategoryInfo.Category | Should -Be InvalidOperation, ResourceUnavailable
        $result.Error.TargetObject | Should -Be (Convert-Path dup-token.gguf, abort.gguf)
        $result.Error[0].Exception.Message | Should -BeLike "'*dup-token.gguf' is not loaded, because it would crash the engine. tokenizer.ggml.tokens: Tokens 318 and 319 are both 't58'*"
        $result.Error[1].Exception.Message | Should -BeLike "The engine process aborted (exit code 134) while running '*abort.gguf'.*"
    }

    It 'is one error in Compare-Quant, and the others are compared' {
        $result = Invoke-Streams "ConvertTo-Quantized sound.gguf Q8_0 -Destination . > `$null; Compare-Quant dup-token.gguf, sound-Q8_0.gguf -Reference sound.gguf -Corpus '$text' -ContextLength 16 -Prompt 'It was'"
        ($result.Output | Split-Path -Leaf) | Should -Be sound.gguf, sound-Q8_0.gguf
        $result.Output[1].KlDivergence | Should -BeGreaterThan 0
        $result.Output[1].GetGenerations().Count | Should -Be 1
        $result.Error.FullyQualifiedErrorId | Should -Be 'CannotRunModel,GgufQuant.Commands.CompareQuantCommand'
        $result.Error.TargetObject | Should -Be (Convert-Path dup-token.gguf)
    }

    It 'is one error as the reference of Compare-Quant, whose weights are compared still' {
        $result = Invoke-Streams "ConvertTo-Quantized dup-token.gguf Q8_0, Q4_0 -Destination . | Compare-Quant -Corpus '$text' -ContextLength 16 -Prompt 'It was'"
        $result.Output.Count | Should -Be 3
        $result.Output[1].RelativeRmsError | Should -BeGreaterThan 0
        $result.Error.FullyQualifiedErrorId | Should -Be 'CannotRunModel,GgufQuant.Commands.CompareQuantCommand'
        $result.Error.TargetObject | Should -Be (Convert-Path dup-token.gguf)
    }

    It 'is one error as the reference of Compare-GgufGeneration' {
        $result = Invoke-Streams "Compare-GgufGeneration sound.gguf, dup-token.gguf -Reference abort.gguf -Prompt 'It was' -MaxToken 4"
        $result.Output | Should -BeNullOrEmpty
        $result.Error.FullyQualifiedErrorId | Should -Be 'EngineStopped,GgufQuant.Commands.CompareGgufGenerationCommand'
        $result.Error.TargetObject | Should -Be (Convert-Path abort.gguf)
    }

    It 'is one error in New-ImportanceMatrix, and the others get theirs' {
        $result = Invoke-Streams "New-ImportanceMatrix dup-token.gguf, abort.gguf, sound.gguf '$text' -ContextLength 16 -Chunks 2"
        $result.Output.Path | Should -Be (Convert-Path sound-imatrix.gguf)
        $result.Error.FullyQualifiedErrorId | Should -Be 'CannotRunModel,GgufQuant.Commands.NewImportanceMatrixCommand', 'EngineStopped,GgufQuant.Commands.NewImportanceMatrixCommand'
        Get-ChildItem *imatrix* | Should -HaveCount 1
    }

    It 'is not run if its epsilon is negative' {
        $result = Invoke-Streams "Measure-GgufSpeed negative.gguf -PromptToken 4 -GeneratedToken 2"
        $result.Error.FullyQualifiedErrorId | Should -Be 'CannotRunModel,GgufQuant.Commands.MeasureGgufSpeedCommand'
        $result.Error.Exception.Message | Should -BeLike "*'*negative.gguf' is not loaded, because it would crash the engine. llama.attention.layer_norm_rms_epsilon: It is -1,*"
        Test-Gguf negative.gguf | Should -BeFalse
    }

    It 'is not run if it only drafts tokens for another model' {
        $result = Invoke-Streams "Measure-GgufSpeed head-F16.gguf -PromptToken 4 -GeneratedToken 2"
        $result.Error.FullyQualifiedErrorId | Should -Be 'CannotRunModel,GgufQuant.Commands.MeasureGgufSpeedCommand'
        $result.Error.Exception.Message | Should -BeLike "'*head-F16.gguf' is not loaded. general.architecture: The file only drafts tokens for another model, so it does not run alone."
        Test-Gguf head-F16.gguf | Should -BeTrue
        (Get-GgufInfo head-F16.gguf).MemoryAssumptions -like 'The file has no layers but these*' | Should -HaveCount 1
    }
}

Describe 'The engine process' -Skip:$runs.Skip {
    BeforeAll {
        $generate = "Compare-GgufGeneration sound.gguf -Reference other.gguf -Prompt 'It was' -MaxToken 4 | Out-Null"
        $children = '(Get-Process | Where-Object { $_.Parent.Id -eq $PID } | ForEach-Object Id)'

        function Get-ChildProcess([int] $Id) { Get-Process | Where-Object { $_.Parent.Id -eq $Id } }
    }

    BeforeEach {
        $folder = New-TestFolder
        foreach ($name in 'sound', 'other') { Copy-Item (Join-Path $PSScriptRoot data sound.gguf) (Join-Path $folder "$name.gguf") }
        Push-Location $folder
    }

    AfterEach { Pop-Location }

    It 'is used by one cmdlet after the other, and ends with the module' {
        $result = Invoke-PowerShell "$generate; `$first = $children; $generate; `$second = $children; Remove-Module GgufQuant; Start-Sleep 1; `"`$first `$second `$(@($children).Count)`""
        $result.Error | Should -BeNullOrEmpty
        $first, $second, $left = $result.Output -split ' '
        $first | Should -Match '^\d+$'
        $second | Should -Be $first
        $left | Should -Be 0
    }

    It 'ends with a session that is killed' {
        $session = Start-PowerShell -ArgumentList '-Command', "$generate; Set-Content done yes; Start-Sleep 60"
        try {
            Wait-Until { Test-Path done } -TimeoutSeconds 60
            $child = Get-ChildProcess $session.Id
            $child | Should -HaveCount 1
        }
        finally {
            $session.Kill()
        }
        $child.WaitForExit(5000) | Should -BeTrue
    }

    It 'leaves nothing in the folder for temporary files' {
        $temporary = New-TestFolder
        (Invoke-PowerShell $generate -Environment @{ TMPDIR = $temporary.FullName; TEMP = $temporary.FullName; TMP = $temporary.FullName }).Error | Should -BeNullOrEmpty
        Get-ChildItem $temporary -Filter ggufquant* | Should -BeNullOrEmpty
    }

    It 'is started again when it was killed' {
        $result = Invoke-PowerShell "$generate; `$first = $children; Stop-Process -Id `$first; Start-Sleep 1; $generate; `$first -ne $children"
        $result.Error | Should -BeNullOrEmpty
        $result.Output | Should -Be 'True'
    }

    It 'ends with Ctrl+C at once, and the rows that are finished stay' -Skip:$IsWindows {
        $command = "ConvertTo-Quantized '$($Samples.Model)' Q8_0, Q4_0 -Destination . | Compare-Quant -Corpus '$($Samples.HeldOut)' -Chunks 16 -Threads 1"
        $session = Start-PowerShell -ArgumentList '-Command', "$command | ForEach-Object { Add-Content rows `$_.Type }"
        Wait-Until { (Test-Path rows) -and @(Get-Content rows).Count -ge 2 } -TimeoutSeconds 120
        $child = Get-ChildProcess $session.Id
        $child | Should -HaveCount 1
        $watch = [Diagnostics.Stopwatch]::StartNew()
        Send-Interrupt $session
        $null = $session | Wait-PowerShell
        $watch.Elapsed.TotalSeconds | Should -BeLessThan 5
        $child.WaitForExit(5000) | Should -BeTrue
        Get-Content rows | Should -Be F16, Q8_0
    }
}
