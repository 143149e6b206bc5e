<#
.SYNOPSIS
Measures what rounding with a calibration gains on the sample model, and renews the table in docs/quality-per-byte.md.

.DESCRIPTION
Collects a calibration from calibration.txt, and one from scripture.txt, text of another kind. Quantizes to six types with
the calibration as an importance matrix alone, with the calibration, and with the foreign one, runs every file over
heldout.txt, which the model has never seen, and writes a table. The files go to a new temporary folder, which is removed.

.PARAMETER ThreadCount
Threads of the engine. Default: 1, which a small model is fastest with on a busy machine.
#>
#Requires -Version 7.6
param([int] $ThreadCount = 1)
$ErrorActionPreference = 'Stop'
if (-not (Get-Module GgufQuant)) { Import-Module (Join-Path $PSScriptRoot .. GgufQuant.psd1) }

# What each type may keep of the divergence of llama.cpp's file.
$bars = [ordered] @{ Q2_K = 0.85; IQ2_M = 0.80; IQ3_M = 0.68; Q3_K_M = 0.73; Q4_K_M = 0.70; Q5_K_M = 0.72 }
$text = { param($value, $format) $value.ToString($format, [cultureinfo]::InvariantCulture) }

$model = Join-Path $PSScriptRoot novels-6m-f16.gguf
$folder = [IO.Directory]::CreateTempSubdirectory('ggufquant-').FullName
try {
    $own = New-QuantCalibration $model (Join-Path $PSScriptRoot calibration.txt) -Destination (Join-Path $folder own.gguf) -ThreadCount $ThreadCount
    $foreign = New-QuantCalibration $model (Join-Path $PSScriptRoot scripture.txt) -Destination (Join-Path $folder foreign.gguf) -ThreadCount $ThreadCount
    $rows = foreach ($type in $bars.Keys) {
        $files = @(
            ConvertTo-Quantized $model $type -ImportanceMatrix $own -Destination (Join-Path $folder "$type.gguf")
            ConvertTo-Quantized $model $type -Calibration $own -Destination (Join-Path $folder "$type-own.gguf")
            ConvertTo-Quantized $model $type -Calibration $foreign -Destination (Join-Path $folder "$type-foreign.gguf")
        )
        $measured = Compare-Quant $files.Path -Reference $model -Corpus (Join-Path $PSScriptRoot heldout.txt) -ThreadCount $ThreadCount |
            Where-Object { -not $_.IsReference }
        $divergences = $measured.Predictions.KlDivergence
        $share = $divergences[1].Value / $divergences[0].Value
        [pscustomobject] @{
            Type = $type
            Bytes = $files[0].Size
            RoundedBytes = $files[1].Size
            Plain = '{0} ± {1}' -f (& $text $divergences[0].Value '0.00000'), (& $text $divergences[0].Error '0.00000')
            Rounded = '{0} ± {1}' -f (& $text $divergences[1].Value '0.00000'), (& $text $divergences[1].Error '0.00000')
            Share = & $text $share '0.000'
            Bar = '{0}, {1}' -f (& $text $bars[$type] '0.00'), $(if ($share -le $bars[$type]) { 'met' } else { 'missed' })
            Foreign = & $text ($divergences[2].Value / $divergences[0].Value) '0.000'
            Perplexity = '{0} / {1}' -f (& $text $measured[0].Perplexity '0.000'), (& $text $measured[1].Perplexity '0.000')
        }
    }
}
finally {
    Remove-Item $folder -Recurse
}

$table = @(
    '| type | bytes, plain / rounded | KL divergence, plain | KL divergence, rounded | share | bar | share, foreign text | perplexity, plain / rounded |'
    '| --- | ---: | ---: | ---: | ---: | --- | ---: | ---: |'
    $rows | ForEach-Object {
        "| $($_.Type) | $($_.Bytes) / $($_.RoundedBytes) | $($_.Plain) | $($_.Rounded) | $($_.Share) | $($_.Bar) | $($_.Foreign) | $($_.Perplexity) |"
    }
) -join "`n"
$document = Join-Path $PSScriptRoot .. docs quality-per-byte.md
$page = [IO.File]::ReadAllText($document)
$page = [regex]::Replace($page, '(?s)(?<=<!-- table -->\n).*(?=<!-- end -->)', "$table`n")
[IO.File]::WriteAllText($document, $page)
$rows
