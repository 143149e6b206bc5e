# Lists have commas: @( ) with a line for each item is a script, which an import would have to compile first.
@{
    ModuleVersion        = '0.1.0'
    GUID                 = '3eefc89b-3440-4b41-a0fd-2a1e19223402'
    Author               = 'The GgufQuant authors'
    CompanyName          = 'The GgufQuant authors'
    Copyright            = '(c) 2026 The GgufQuant authors. MIT license.'
    Description          = 'Quantizes GGUF language models to the same bytes as llama.cpp, and shows what each quantization costs.'
    PowerShellVersion    = '7.6'
    CompatiblePSEditions = 'Core'

    # A nested module, not the root one: only so does Get-Help look for the help beside the assembly.
    NestedModules        = 'module/GgufQuant.Cmdlets.dll'

    # The types file names types, and is read before nested modules are loaded.
    RequiredAssemblies   = 'module/GgufQuant.Cmdlets.dll'

    TypesToProcess       = 'module/GgufQuant.Types.ps1xml'
    FormatsToProcess     = 'module/GgufQuant.Format.ps1xml'

    CmdletsToExport      = @(
        'Compare-GgufGeneration',
        'Compare-Quant',
        'ConvertTo-Gguf',
        'ConvertTo-ImportanceMatrix',
        'ConvertTo-Quantized',
        'Export-QuantReport',
        'Find-GgufModel',
        'Find-QuantType',
        'Get-GgufInfo',
        'Get-GgufMetadata',
        'Get-GgufTensor',
        'Get-ImportanceMatrix',
        'Get-QuantDevice',
        'Get-QuantEngine',
        'Get-QuantPlan',
        'Get-QuantType',
        'Install-QuantEngine',
        'Measure-GgufSpeed',
        'Measure-GgufTask',
        'Merge-Gguf',
        'Merge-ImportanceMatrix',
        'Merge-QuantComparison',
        'New-ImportanceMatrix',
        'New-QuantCalibration',
        'New-QuantRecipe',
        'Save-GgufModel',
        'Set-GgufMetadata',
        'Split-Gguf',
        'Test-Gguf'
    )
    FunctionsToExport    = @()
    AliasesToExport      = 'Test-GgufGeneration'
    VariablesToExport    = @()

    # No FileList: an import would look for each file. build.ps1 lists what the package holds.

    PrivateData          = @{
        PSData = @{
            Tags         = @('GGUF', 'quantization', 'llama.cpp', 'LLM', 'PSEdition_Core', 'Windows', 'Linux', 'MacOS')
            LicenseUri   = 'https://opensource.org/license/mit'
            ReleaseNotes = 'CHANGELOG.md in the package lists what changed.'
        }
    }
}
