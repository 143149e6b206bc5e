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
        @{ Value = 1e-12; Expected = '0.000000000' }
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

    It 'shows numbers in the same way whatever the culture' {
        $before = [cultureinfo]::CurrentCulture
        try {
            $culture = [cultureinfo]::InvariantCulture.Clone()
            $culture.NumberFormat.NumberDecimalSeparator = $culture.NumberFormat.PercentDecimalSeparator = ','
            $culture.NumberFormat.NumberGroupSeparator = '.'
            [cultureinfo]::CurrentCulture = $culture
            $texts = @(
                [GgufQuant.Commands.Formatting]::Size(1536)
                [GgufQuant.Commands.Formatting]::Percent(0.125)
                [GgufQuant.Commands.Formatting]::Bits(4.8944)
                [GgufQuant.Commands.Formatting]::Number(128256)
                [GgufQuant.Commands.Formatting]::Rate(1.25e6)
            )
        }
        finally {
            [cultureinfo]::CurrentCulture = $before
        }
        $texts | Should -BeExactly '1.50 KiB', '12.5%', '4.89', '128,256', '1.25 M/s'
    }

    It 'wraps text between words' {
        # Without a screen a line has 120 columns: 21 are left.
        [GgufQuant.Commands.Formatting]::Wrap('one two three four five six', $null, 99, 2) | Should -BeExactly "one two three four`n  five six"
        [GgufQuant.Commands.Formatting]::Wrap('averyveryverylongwordthatfitsnowhere b', $null, 99) |
            Should -BeExactly "averyveryverylongwordthatfitsnowhere`nb"
        [GgufQuant.Commands.Formatting]::Wrap([NullString]::Value, $null, 0) | Should -BeNullOrEmpty
    }

    It 'shows a model after objects of other kinds without its inner parts' {
        $objects = @(Get-GgufTensor $Samples.Model output.weight) + (Get-GgufInfo $Samples.Model, $Samples.Model)
        $lines = $objects | Format-Lines
        $lines -match '^Architecture +: llama$' | Should -HaveCount 2
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
