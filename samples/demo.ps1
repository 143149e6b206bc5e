<#
.SYNOPSIS
Quantizes the sample model to seven types and measures what each one costs.

.DESCRIPTION
Collects an importance matrix from calibration.txt, quantizes, runs every file over heldout.txt, which the model has never
seen, and writes a report. The files go to a new temporary folder, which the output names; nothing else is written.
#>
#Requires -Version 7.6
$ErrorActionPreference = 'Stop'
if (-not (Get-Module GgufQuant)) { Import-Module (Join-Path $PSScriptRoot .. GgufQuant.psd1) }

$model = Join-Path $PSScriptRoot novels-6m-f16.gguf
$folder = [IO.Directory]::CreateTempSubdirectory('ggufquant-').FullName

Get-GgufInfo $model | Format-List | Out-Host

# IQ2_XS requires an importance matrix; the other types are quantized without it here.
$matrix = New-ImportanceMatrix $model -Corpus (Join-Path $PSScriptRoot calibration.txt) -Destination (Join-Path $folder imatrix.gguf)

$files = @(ConvertTo-Quantized $model -Type Q8_0, Q6_K, Q5_K_M, Q4_K_M, Q3_K_M, Q2_K -Destination $folder)
$files += ConvertTo-Quantized $model -Type IQ2_XS -ImportanceMatrix $matrix.Path -Destination $folder
$files | Out-Host

$rows = $files | Compare-Quant -Corpus (Join-Path $PSScriptRoot heldout.txt)
$report = $rows | Export-QuantReport (Join-Path $folder report.html)
"The files and the report are in '$($report.DirectoryName)'." | Out-Host

# Redirected output has no width, and the default of 80 columns would cut the table.
$width = [Console]::IsOutputRedirected ? 120 : $Host.UI.RawUI.BufferSize.Width
$rows | Out-String -Width $width | Out-Host
