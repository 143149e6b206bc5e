# What a user of the Gallery does: publish, install, import by name, quantize.
Describe 'The package' {
    It 'has assemblies for every platform' {
        $assemblies = Get-ChildItem (Join-Path $Samples.Root out GgufQuant) -Recurse -Filter GgufQuant*.dll
        $assemblies.Count | Should -Be 5
        foreach ($assembly in $assemblies) {
            $headers = [Reflection.PortableExecutable.PEReader]::new([IO.MemoryStream]::new([IO.File]::ReadAllBytes($assembly))).PEHeaders
            $headers.CorHeader.ManagedNativeHeaderDirectory.Size | Should -Be 0 -Because "'$($assembly.Name)' must not contain machine code"
        }
    }

    BeforeAll {
        $version = (Import-PowerShellDataFile $Samples.Manifest).ModuleVersion
        $repository = New-Item (Join-Path $TestDrive repository) -ItemType Directory
        # A separate home folder: neither the repositories nor the modules of the user are touched.
        $userHome = New-Item (Join-Path $TestDrive home) -ItemType Directory
        $environment = @{
            HOME            = $userHome.FullName
            LOCALAPPDATA    = $userHome.FullName
            XDG_DATA_HOME   = (New-Item (Join-Path $userHome .local share) -ItemType Directory -Force).FullName
            XDG_CONFIG_HOME = (New-Item (Join-Path $userHome .config) -ItemType Directory).FullName
            PSModulePath    = ''
        }
    }

    It 'is published to a repository' {
        $result = Invoke-PowerShell -Environment $environment -TimeoutSeconds 300 -Command @"
            Register-PSResourceRepository Local '$repository' -Trusted
            Publish-PSResource -Path '$(Join-Path $Samples.Root out GgufQuant $version)' -Repository Local
            (Find-PSResource GgufQuant -Repository Local).Version.ToString()
"@
        $result.Error | Should -BeNullOrEmpty
        $result.Output | Should -Be $version
    }

    It 'is installed, imported by name, and quantizes a file' {
        $result = Invoke-PowerShell -Environment $environment -TimeoutSeconds 300 -Command @"
            Install-PSResource GgufQuant -Repository Local
            Set-Location '$TestDrive'
            ConvertTo-Quantized '$($Samples.Model)' Q4_K_M -Destination . | ForEach-Object { Split-Path `$_.Path -Leaf }
            (Get-Module GgufQuant).ModuleBase
"@
        $result.Error | Should -BeNullOrEmpty
        $file, $base = $result.Output -split '\r?\n'
        $file | Should -Be 'novels-6m-Q4_K_M.gguf'
        $base | Should -BeLike "$userHome*$version"
    }
}
