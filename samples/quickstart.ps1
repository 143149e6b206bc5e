<#
.SYNOPSIS
Quantizes the sample model to five types and compares them with it.

.DESCRIPTION
The files go to a new temporary folder, which the output names; nothing else is written.
#>
#Requires -Version 7.6
$ErrorActionPreference = 'Stop'
if (-not (Get-Module GgufQuant)) { Import-Module ([IO.Path]::Combine($PSScriptRoot, '..', 'GgufQuant.psd1')) }

$model = [IO.Path]::Combine($PSScriptRoot, 'novels-6m-f16.gguf')
$folder = [IO.Directory]::CreateTempSubdirectory('ggufquant-').FullName

# Each kind of object goes to the screen by itself, so that each gets its own view.
Get-GgufInfo $model | Out-Host

"Quantizing into '$folder'." | Out-Host
$files = Get-GgufInfo $model | ConvertTo-Quantized -Type Q8_0, Q5_K_M, Q4_K_M, Q3_K_M, Q2_K -Destination $folder
$files | Out-Host

'What each costs, measured on the weights against the model it came from:' | Out-Host
$files | Compare-Quant | Out-Host
