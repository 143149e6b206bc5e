# How views show numbers, and what every view has in common.
BeforeAll {
    Import-Module GgufQuant
}

Describe 'A view' {
    It 'shows <bytes> bytes as <expected>' -ForEach @(
        @{ Bytes = 0; Expected = '0 B' }
        @{ Bytes = 999; Expected = '999 B' }
        @{ Bytes = 1000; Expected = '0.98 KiB' }
        @{ Bytes = 1024; Expected = '1.00 KiB' }
        @{ Bytes = 4917832192; Expected = '4.58 GiB' }
        @{ Bytes = 107374182400; Expected = '100 GiB' }
        @{ Bytes = -2048; Expected = '-2.00 KiB' }
        @{ Bytes = [long]::MaxValue; Expected = '8388608 TiB' }
    ) {
        [GgufQuant.Commands.Formatting]::Size([long] $bytes) | Should -BeExactly $expected
    }

    It 'shows a count of <count> as <expected>' -ForEach @(
        @{ Count = 0; Expected = '0' }
        @{ Count = 999; Expected = '999' }
        @{ Count = 1000; Expected = '1.00 K' }
        @{ Count = 5770496; Expected = '5.77 M' }
        @{ Count = 8030261248; Expected = '8.03 B' }
        @{ Count = 999999; Expected = '1.00 M' }
    ) {
        [GgufQuant.Commands.Formatting]::Count($count) | Should -BeExactly $expected
    }

    It 'shows a measurement of <value> as <expected>' -ForEach @(
        @{ Value = 0.0312728; Expected = '0.0313' }
        @{ Value = 0.000551; Expected = '0.000551' }
        @{ Value = 1.5; Expected = '1.50' }
        @{ Value = 123.456; Expected = '123' }
        @{ Value = -0.00281; Expected = '-0.00281' }
        @{ Value = 0.0; Expected = '0' }
        @{ Value = -0.00001293; Expected = '-1.29E-05' }
        @{ Value = 1e-12; Expected = '1.00E-12' }
    ) {
        [GgufQuant.Commands.Formatting]::Measure($value) | Should -BeExactly $expected
    }

    It 'shows <seconds> seconds as <expected>' -ForEach @(
        @{ Seconds = 0.42; Expected = '0.42 s' }
        @{ Seconds = 12.34; Expected = '12.3 s' }
        @{ Seconds = 185; Expected = '3:05' }
        @{ Seconds = 3723; Expected = '1:02:03' }
        @{ Seconds = 90061; Expected = '25:01:01' }
    ) {
        [GgufQuant.Commands.Formatting]::Duration([timespan]::FromSeconds($seconds)) | Should -BeExactly $expected
    }

    Context 'in a culture with a decimal comma' {
        BeforeAll {
            $before = [cultureinfo]::CurrentCulture
            $culture = [cultureinfo]::InvariantCulture.Clone()
            $culture.NumberFormat.NumberDecimalSeparator = $culture.NumberFormat.PercentDecimalSeparator = ','
            $culture.NumberFormat.NumberGroupSeparator = '.'
        }

        BeforeEach { [cultureinfo]::CurrentCulture = $culture }
        AfterEach { [cultureinfo]::CurrentCulture = $before }

        It 'shows numbers with it' {
            [GgufQuant.Commands.Formatting]::Size(1536) | Should -BeExactly '1,50 KiB'
            [GgufQuant.Commands.Formatting]::Count(5770496) | Should -BeExactly '5,77 M'
            [GgufQuant.Commands.Formatting]::Percent(0.125) | Should -BeExactly '12,5%'
            [GgufQuant.Commands.Formatting]::FinePercent(0.0494) | Should -BeExactly '4,94%'
            [GgufQuant.Commands.Formatting]::Bits(4.8944) | Should -BeExactly '4,89'
            [GgufQuant.Commands.Formatting]::Number(128256) | Should -BeExactly '128.256'
            [GgufQuant.Commands.Formatting]::Measure(0.0313) | Should -BeExactly '0,0313'
            [GgufQuant.Commands.Formatting]::Rate(1.25e6) | Should -BeExactly '1,25 M/s'
            [GgufQuant.Commands.Formatting]::Duration([timespan]::FromSeconds(0.42)) | Should -BeExactly '0,42 s'
            [GgufQuant.Commands.Formatting]::Perplexity($true, 26.96, 0.49, 0, 0) | Should -BeExactly '26,96 ± 0,49'
        }

        It 'explains with it' {
            $fit = Find-QuantType $Samples.Model 9152KB | Where-Object IsRecommended
            $fit.Reason | Should -BeLike '*3,35 MiB of weights*'
            (Get-GgufInfo $Samples.Model -ContextLength 4096).MemoryAssumptions[1] | Should -BeLike '*room for 4.096 tokens*'
        }

        It 'writes what programs read without it' {
            $info = Get-GgufInfo $Samples.Model
            $info | ConvertTo-Json -Depth 1 -WarningAction Ignore | Should -BeLike '*"BitsPerWeight": 16.0*'
            ($info | ConvertTo-Csv | ConvertFrom-Csv).Shares | Should -BeExactly 'F16 99.9%, F32 0.1%'
        }
    }

    It 'shows a difference of <Value> ± <Uncertainty> as <Expected>' -ForEach @(
        @{ Value = 0.0131; Uncertainty = 0.0149; Expected = '+0.013 ± 0.015' }
        @{ Value = 0.0912; Uncertainty = 0.0312; Expected = '+0.09 ± 0.03' }
        @{ Value = -0.00412; Uncertainty = 0.00312; Expected = '-0.004 ± 0.003' }
        @{ Value = 2.134; Uncertainty = 0.42; Expected = '+2.1 ± 0.4' }
        @{ Value = 132.4; Uncertainty = 21; Expected = '+132 ± 21' }
        @{ Value = 0.0001; Uncertainty = 0.0001; Expected = '+0.000 ± 0.000' }
    ) {
        [GgufQuant.Commands.Formatting]::Perplexity($false, 0, 0, $value, $uncertainty) | Should -BeExactly $expected
    }

    It 'shortens <Name> to <Expected>' -ForEach @(
        @{ Name = 'model-Q4_K_M.gguf'; Expected = 'model-Q4_K_M.gguf' }
        @{ Name = 'Meta-Llama-3.1-8B-Instruct-Q4_K_M.gguf'; Expected = 'Meta-Llama-3…t-Q4_K_M.gguf' }
    ) {
        $short = [GgufQuant.Commands.Formatting]::FileName("/models/$name", 26)
        $short | Should -BeExactly $expected
        $short.Length | Should -BeLessOrEqual 26
    }

    It 'wraps text between words' {
        # Without a screen a line has 120 columns: 21 are left.
        [GgufQuant.Commands.Formatting]::Wrap('one two three four five six', $null, 99, 2) | Should -BeExactly "one two three four`n  five six"
        [GgufQuant.Commands.Formatting]::Wrap('averyveryverylongwordthatfitsnowhere b', $null, 99) |
            Should -BeExactly "averyveryverylongwordthatfitsnowhere`nb"
        [GgufQuant.Commands.Formatting]::Wrap([NullString]::Value, $null, 0) | Should -BeNullOrEmpty
    }

    It 'shows a model after objects of other kinds without its inner parts' {
        $objects = @(Get-GgufTensor $Samples.Model output.weight) + (Get-GgufInfo $Samples.Model)
        $lines = $objects | Format-Lines
        $lines -match '^Architecture +: llama$' | Should -HaveCount 1
        $lines -match 'ModelShape' | Should -BeNullOrEmpty
    }
}

Describe 'A terminal' -Skip:(-not ($IsLinux -and (Test-Path /usr/bin/script))) {
    BeforeAll {
        # Runs a command on a pseudo-terminal of 70 columns, and returns what it drew, without the codes for the cursor keys.
        function Invoke-Terminal([string] $Command, [string] $Setting = '') {
            $program = [Environment]::ProcessPath
            $arguments = "$program $((Split-Path $program -LeafBase) -eq 'dotnet' ? (Join-Path $PSHOME pwsh.dll) : '')"
            $encoded = [Convert]::ToBase64String([Text.Encoding]::Unicode.GetBytes("`$ProgressPreference = 'Ignore'; $Command"))
            $text = script -qec "stty cols 70 rows 40; env -u NO_COLOR TERM=xterm-256color $Setting $arguments -NoProfile -EncodedCommand $encoded" /dev/null
            $text -replace '\e\[\?1[hl]|\e=|\e>' -replace '\r'
        }
    }

    It 'wraps text to its width' {
        $lines = Invoke-Terminal 'Get-QuantType Q8_0' NO_COLOR=1
        $lines | Should -Contain 'Name              : Q8_0'
        $lines | Where-Object Length -gt 70 | Should -BeNullOrEmpty
    }

    It 'shows no colour with NO_COLOR' {
        $command = 'Get-QuantType Q8_0; Get-QuantType Q8*, Q4*; Get-GgufInfo none.gguf'
        @(Invoke-Terminal $command) -match '\e\[[\d;]*m' | Should -Not -BeNullOrEmpty
        $lines = @(Invoke-Terminal $command NO_COLOR=1)
        $lines -match 'none\.gguf' | Should -Not -BeNullOrEmpty
        $lines -match '\e' | Should -BeNullOrEmpty
    }
}
