BeforeDiscovery {
    $commands = (Import-PowerShellDataFile $Samples.Manifest).CmdletsToExport
}

Describe 'The packaged module' {
    It 'is found and loaded when one of its cmdlets is used' {
        $result = Invoke-PowerShell "(Get-GgufInfo '$($Samples.Model)').Path; (Get-Module GgufQuant).ModuleBase"
        $result.Error | Should -BeNullOrEmpty
        $path, $base = $result.Output -split '\r?\n'
        $path | Should -Be $Samples.Model
        $base | Should -BeLike (Join-Path $Samples.Root out GgufQuant *)
    }

    It 'is listed with its version' {
        (Get-Module GgufQuant -ListAvailable)[0].Version | Should -Be (Import-PowerShellDataFile $Samples.Manifest).ModuleVersion
    }
}

Describe 'Tab completion' {
    It 'offers types' {
        (Complete-Line 'ConvertTo-Quantized model.gguf -Type Q4_K').CompletionText | Should -Contain 'Q4_K_M'
    }
}

Describe 'Progress' {
    It 'is shown' {
        Push-Location $TestDrive
        try { (Invoke-Streams "ConvertTo-Quantized '$($Samples.Model)' Q4_K_M -Destination .").Error | Should -BeNullOrEmpty } finally { Pop-Location }
    }
}
