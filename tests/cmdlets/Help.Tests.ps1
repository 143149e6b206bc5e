# The help, as Get-Help gives it, against the cmdlets, as Get-Command gives them.
BeforeDiscovery {
    $commands = (Import-PowerShellDataFile $Samples.Manifest).CmdletsToExport
}

Describe 'The help of <_>' -ForEach $commands {
    BeforeAll {
        $command = Get-Command $_
        $help = Get-Help $_ -Full
        $names = (Import-PowerShellDataFile $Samples.Manifest).CmdletsToExport
    }

    It 'says in a sentence what it does, and more below' {
        $help.Synopsis | Should -Match '^[A-Z].*\.$'
        $help.description.Text -join "`n" | Should -Not -BeNullOrEmpty
    }

    It 'explains every parameter, and nothing else' {
        $documented = $help.parameters.parameter
        $documented.name | Sort-Object |
            Should -Be ($command.Parameters.Keys | Where-Object { $_ -notin [Management.Automation.Cmdlet]::CommonParameters } | Sort-Object)
        foreach ($parameter in $documented) {
            $actual = $command.Parameters[$parameter.name]
            $parameter.description[0].Text | Should -Match '\.$' -Because "-$($parameter.name) is explained in sentences"
            $parameter.required | Should -Be "$($actual.ParameterSets.Values.IsMandatory -contains $true)"
            $parameter.aliases | Should -Be ($actual.Aliases ? $actual.Aliases -join ', ' : 'none')
        }
    }

    It 'gives the default of every parameter that has one' {
        foreach ($parameter in $help.parameters.parameter | Where-Object required -eq false) {
            $text = $parameter.description.Text -join ' '
            $isNumber = $command.Parameters[$parameter.name].ParameterType.IsValueType -and -not [Nullable]::GetUnderlyingType($command.Parameters[$parameter.name].ParameterType)
            if ($isNumber -or $text -match '\b(Default:|by default)') {
                $parameter.defaultValue | Should -Not -BeIn 'None', '' -Because "-$($parameter.name) has a default"
            }
        }
    }

    It 'gives examples that use only what there is' {
        $examples = @($help.examples.example)
        $examples.Count | Should -BeGreaterOrEqual 2
        foreach ($example in $examples) {
            $tokens = $errors = $null
            $script = [Management.Automation.Language.Parser]::ParseInput($example.code, [ref] $tokens, [ref] $errors)
            $errors | Should -BeNullOrEmpty
            $uses = $script.FindAll({ $args[0] -is [Management.Automation.Language.CommandAst] -and $args[0].GetCommandName() -in $names }, $true)
            $uses | ForEach-Object GetCommandName | Should -Contain $command.Name
            foreach ($use in $uses) {
                # Unknown parameters and arguments that have no place are exceptions of the binding.
                $binding = [Management.Automation.Language.StaticParameterBinder]::BindCommand($use, $true)
                $binding.BindingExceptions.Values.ForEach{ "$($_.BindingException.Message)" } | Should -BeNullOrEmpty -Because "$use"
            }
        }
    }
}

Describe 'The help about the module' {
    It 'is found as <_>' -ForEach 'about_GgufQuant', 'about_GgufQuant_Types' {
        Get-Help $_ | Out-String | Should -Match "^\s*$_\s+SHORT DESCRIPTION\s+[A-Z]"
    }
}
