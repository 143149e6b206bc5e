BeforeDiscovery {
    $commands = (Import-PowerShellDataFile $Samples.Manifest).CmdletsToExport
}

BeforeAll {
    Import-Module GgufQuant
    $module = Get-Module GgufQuant
    $manifest = Import-PowerShellDataFile $Samples.Manifest
}

Describe 'The packaged module' {
    It 'is found and loaded when one of its cmdlets is used' {
        $result = Invoke-PowerShell "(Get-GgufInfo '$($Samples.Model)').Path; (Get-Module GgufQuant).ModuleBase"
        $result.Error | Should -BeNullOrEmpty
        $path, $base = $result.Output -split '\r?\n'
        $path | Should -Be $Samples.Model
        $base | Should -BeLike (Join-Path $Samples.Root out GgufQuant *)
    }

    It 'has the version of the project, and the changelog starts with it' {
        $version = ([xml] (Get-Content (Join-Path $Samples.Root Directory.Build.props))).SelectSingleNode('//Version').InnerText
        (Test-ModuleManifest (Join-Path $module.ModuleBase GgufQuant.psd1)).Version | Should -Be $version
        (Get-Module GgufQuant -ListAvailable)[0].Version | Should -Be $version
        Get-Content (Join-Path $module.ModuleBase CHANGELOG.md) | Where-Object { $_ -like '## *' } | Select-Object -First 1 | Should -Be "## $version"
    }

    It 'exports the cmdlets that the assembly holds, and nothing else' {
        $types = $module.NestedModules.ImplementingAssembly.GetExportedTypes()
        $names = foreach ($attribute in $types.ForEach{ $_.GetCustomAttributes([Management.Automation.CmdletAttribute], $false) }) {
            "$($attribute.VerbName)-$($attribute.NounName)"
        }
        $manifest.CmdletsToExport | Should -Be ($names | Sort-Object)
        $module.ExportedCmdlets.Keys | Sort-Object | Should -Be ($names | Sort-Object)
        $module.ExportedFunctions.Keys | Should -BeNullOrEmpty
        $module.ExportedVariables.Keys | Should -BeNullOrEmpty
    }

    It 'keeps the former names of cmdlets as aliases' {
        $module.ExportedAliases.Keys | Should -Be Test-GgufGeneration
        (Get-Alias Test-GgufGeneration).ResolvedCommandName | Should -Be Compare-GgufGeneration
        (Get-Help Test-GgufGeneration).Name | Should -Be Compare-GgufGeneration
    }

    It 'holds these files, and the engine' {
        $files = Get-ChildItem $module.ModuleBase -File -Recurse |
            ForEach-Object { [IO.Path]::GetRelativePath($module.ModuleBase, $_.FullName).Replace('\', '/') } |
            Where-Object { $_ -notlike 'module/engine/*' }
        $expected = @(
            'CHANGELOG.md'
            'GgufQuant.psd1'
            'LICENSE'
            'module/en-US/about_GgufQuant.help.txt'
            'module/en-US/about_GgufQuant_Types.help.txt'
            'module/en-US/GgufQuant.Cmdlets.dll-Help.xml'
            'module/GgufQuant.Cmdlets.dll'
            'module/GgufQuant.dll'
            'module/GgufQuant.Evaluation.dll'
            'module/GgufQuant.Format.ps1xml'
            'module/GgufQuant.Gpu.dll'
            'module/GgufQuant.Types.ps1xml'
            'README.md'
            'THIRD-PARTY-NOTICES.md'
        )
        $files | Sort-Object | Should -Be ($expected | Sort-Object)
    }

    It 'names only types that exist in its views' {
        foreach ($library in Get-ChildItem (Join-Path $module.ModuleBase module *.dll)) { $null = [Reflection.Assembly]::LoadFrom($library) }
        $names = foreach ($file in 'GgufQuant.Format.ps1xml', 'GgufQuant.Types.ps1xml') {
            $xml = [xml] (Get-Content (Join-Path $module.ModuleBase module $file) -Raw)
            $xml.SelectNodes('//TypeName | /Types/Type/Name').InnerText
        }
        $names | Should -Not -BeNullOrEmpty
        # The part after '#' distinguishes the views of one type.
        $names | Where-Object { -not ($_ -replace '^Deserialized\.|#\w+$' -as [type]) } | Should -BeNullOrEmpty
    }
}

Describe '<_>' -ForEach $commands {
    BeforeAll {
        $command = Get-Command $_
        $parameters = $command.Parameters.Values | Where-Object { $_.Name -notin [Management.Automation.Cmdlet]::CommonParameters }
    }

    It 'has an approved verb' {
        (Get-Verb $command.Verb) | Should -HaveCount 1
    }

    It 'says what it writes' {
        $command.OutputType | Should -Not -BeNullOrEmpty
        $command.OutputType.Type | Should -Not -Contain $null
    }

    It 'has a message for each parameter' {
        $parameters | Where-Object Name -notin ([Management.Automation.Cmdlet]::OptionalCommonParameters) |
            Where-Object { $_.ParameterSets.Values.HelpMessage -notmatch '\.$' } | ForEach-Object Name | Should -BeNullOrEmpty
    }

    It 'can be asked what it would do if it writes files' {
        $writers = 'ConvertTo', 'Export', 'Install', 'Merge', 'New', 'Save', 'Set', 'Split'
        # Merges rows, not files.
        $command.Parameters.ContainsKey('WhatIf') | Should -Be ($command.Verb -in $writers -and $command.Name -ne 'Merge-QuantComparison')
    }

    It 'takes files as every cmdlet does' {
        if ($path = $parameters | Where-Object { $_.Name -eq 'Path' -and $_.ParameterType -eq [string[]] }) {
            foreach ($set in $path.ParameterSets.Values) {
                $set.Position | Should -Be 0
                $set.ValueFromPipeline | Should -BeTrue
                $set.ValueFromPipelineByPropertyName | Should -BeTrue
            }
            $literal = $parameters | Where-Object Name -eq LiteralPath
            $literal.Aliases | Should -Be PSPath, LP, FullName
            $literal.ParameterSets.Values.ValueFromPipelineByPropertyName | Should -Be $true
        }
    }
}

Describe 'What a cmdlet writes' {
    BeforeDiscovery {
        $outputs = @(
            @{ Output = { Get-GgufInfo $Samples.Model } }
            @{ Output = { Get-GgufTensor $Samples.Model output.weight } }
            @{ Output = { ConvertTo-Quantized $Samples.Model Q8_0 -Destination . -Force } }
            @{ Output = { Compare-Quant $Samples.Model -Reference $Samples.Model } }
            @{ Output = { $Samples.Model } }
            @{ Output = { Get-Item $Samples.Model } }
        )
    }
    BeforeAll { Push-Location $TestDrive }
    AfterAll { Pop-Location }

    It 'can be piped into every cmdlet:<output>' -ForEach $outputs {
        $items = & $output
        $items | Get-GgufInfo | Should -Not -BeNullOrEmpty
        $items | Get-GgufTensor -Name output.weight | Should -Not -BeNullOrEmpty
        $items | ConvertTo-Quantized -Type Q4_0 -Destination made -Force -AllowRequantize | Should -Not -BeNullOrEmpty
        $items | Compare-Quant -Reference $Samples.Model | Should -Not -BeNullOrEmpty
        $items | Find-QuantType -Memory 1GB | Should -Not -BeNullOrEmpty
        $items | Test-Gguf | Should -BeTrue
    }

    It 'has lists that can be indexed' {
        $file = ConvertTo-Quantized $Samples.Model Q4_K_M -SplitMaxSize 2MB -Destination shards
        $objects = @(
            $file
            Get-QuantPlan $Samples.Model Q4_K_M -SplitMaxSize 2MB
            Get-GgufInfo $Samples.Model
            Get-GgufTensor $Samples.Model token_embd.weight -Statistics
            Get-QuantType Q4_K_M
            (Find-QuantType $Samples.Model 9152KB)[0]
            (Compare-Quant $file.Path -Reference $Samples.Model)[1]
            (New-TestImatrix m.dat -Dataset a.txt | Get-ImportanceMatrix)
            (New-TestImatrix n.dat -Dataset a.txt | ConvertTo-ImportanceMatrix -Format Gguf)
        )
        $lists = 0
        while ($objects) {
            # What the objects consist of follows, as far as it is the module's.
            $objects = foreach ($object in $objects) {
                foreach ($property in $object.PSObject.Properties | Where-Object Value) {
                    $value = $property.Value
                    if ($value -is [Collections.IList]) {
                        $lists++
                        $first = $value | Select-Object -First 1
                        , $value[0] | Should -Be (, $first) -Because "$($object.GetType()).$($property.Name)[0] is used"
                        $first
                    }
                    elseif ($value.GetType().Namespace -like 'GgufQuant*' -and $value -isnot [enum]) { $value }
                }
            }
        }
        $lists | Should -BeGreaterThan 5
    }
}
