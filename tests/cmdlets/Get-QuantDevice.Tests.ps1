Describe 'Get-QuantDevice' {
    BeforeAll { $devices = Get-QuantDevice }

    It 'lists the processor first, which can always be used' {
        $devices[0].Id | Should -Be Cpu
        $devices[0].IsUsable | Should -BeTrue
    }

    It 'calls the processor what results call it' {
        $devices[0].Name | Should -Be (ConvertTo-Quantized $Samples.Model Q8_0 -Destination $TestDrive -Device Cpu).Device
    }

    It 'says why a device cannot be used' {
        $unusable = @($devices | Where-Object IsUsable -eq $false)
        @($unusable.UnavailableReason) -match '\.$' | Should -HaveCount $unusable.Count
    }

    It 'names devices that -Device takes' {
        $offered = (Complete-Line 'ConvertTo-Quantized model.gguf Q8_0 -Device ').CompletionText
        foreach ($device in $devices | Where-Object IsUsable) { $offered | Should -Contain $device.Id }
    }

    It 'shows devices as a table' {
        $devices | Format-Lines | Select-Object -First 3 | Should -Match '^(Device|-+|Cpu) '
    }
}
