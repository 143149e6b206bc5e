<#
.SYNOPSIS
Measures what each quantization of the sample model costs in its predictions, and writes the report.

.DESCRIPTION
Collects an importance matrix from calibration.txt for the type that needs one, quantizes to seven types, and runs all of
them over heldout.txt with llama.cpp's library. The files go to a new temporary folder, which the output names.
#>
#Requires -Version 7.6
$ErrorActionPreference = 'Stop'
if (-not (Get-Module GgufQuant)) { Import-Module ([IO.Path]::Combine($PSScriptRoot, '..', 'GgufQuant.psd1')) }

$model = [IO.Path]::Combine($PSScriptRoot, 'novels-6m-f16.gguf')
$folder = [IO.Directory]::CreateTempSubdirectory('ggufquant-').FullName
"Working in '$folder'." | Out-Host

$matrix = New-ImportanceMatrix $model -Corpus ([IO.Path]::Combine($PSScriptRoot, 'calibration.txt')) -Destination ([IO.Path]::Combine($folder, 'imatrix.gguf'))
$files = @(ConvertTo-Quantized $model -Type Q8_0, Q6_K, Q5_K_M, Q4_K_M, Q3_K_M, Q2_K -Destination $folder)
$files += ConvertTo-Quantized $model -Type IQ2_XS -ImportanceMatrix $matrix.Path -Destination $folder

$rows = $files | Compare-Quant -Corpus ([IO.Path]::Combine($PSScriptRoot, 'heldout.txt'))
$rows | Out-Host
$report = $rows | Export-QuantReport ([IO.Path]::Combine($folder, 'report.html'))
"The report is '$($report.FullName)'." | Out-Host
