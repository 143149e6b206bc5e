<#
.SYNOPSIS
Measures what a calibration gains on the sample model, and renews the tables and the picture of docs/quality-per-byte.md.

.DESCRIPTION
Collects a calibration from calibration.txt, and one from scripture.txt, text of another kind. Quantizes to six types with
the calibration as an importance matrix alone, and to the same sizes with the calibration: with the same types, also with
the foreign calibration, and with types chosen for the size, rounded with it or as llama.cpp does. Runs every file over
heldout.txt, which the model has never seen, writes the tables, and draws them as docs/quality-per-byte.svg. The files go to a
new temporary folder, which is removed.

.PARAMETER Table
The tables to renew: Rounding, the same types; Sizes, types chosen for the size; Types, the choice alone. Default: all. With
none, @(), nothing is measured, and the picture is drawn from the tables as they are.

.PARAMETER ThreadCount
Threads of the engine. Default: 1, which a small model is fastest with on a busy machine.
#>
#Requires -Version 7.6
param(
    [AllowEmptyCollection()]
    [ValidateSet('Rounding', 'Sizes', 'Types')]
    [string[]] $Table = @('Rounding', 'Sizes', 'Types'),
    [int] $ThreadCount = 1
)
$ErrorActionPreference = 'Stop'
if (-not (Get-Module GgufQuant)) { Import-Module (Join-Path $PSScriptRoot .. GgufQuant.psd1) }

# What each type may keep of the divergence of llama.cpp's file: with its types, with types chosen for its size, and with
# those rounded as llama.cpp does.
$bars = [ordered] @{
    Q2_K = 0.85, 0.27, 0.45
    IQ2_M = 0.80, 0.50, 0.80
    IQ3_M = 0.68, 0.42, 0.75
    Q3_K_M = 0.73, 0.35, 0.65
    Q4_K_M = 0.70, 0.42, 0.72
    Q5_K_M = 0.72, 0.60, 0.92
}
$text = { param($value, $format) $value.ToString($format, [cultureinfo]::InvariantCulture) }

$measure = { param($value) '{0} ± {1}' -f (& $text $value.Value '0.00000'), (& $text $value.Error '0.00000') }
$verdict = { param($share, $bar) '{0}, {1}' -f (& $text $bar '0.00'), $(if ($share -le $bar) { 'met' } else { 'missed' }) }

$model = Join-Path $PSScriptRoot novels-6m-f16.gguf
$tables = @{
    Rounding = @(
        '| type | bytes, plain / rounded | KL divergence, plain | KL divergence, rounded | share | bar | share, foreign text | perplexity, plain / rounded |'
        '| --- | ---: | ---: | ---: | ---: | --- | ---: | ---: |'
    )
    Sizes = @(
        '| size of | bytes, llama.cpp / chosen | bits per weight | KL divergence, llama.cpp | KL divergence, chosen | expected | share | bar | share, foreign text |'
        '| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- | ---: |'
    )
    Types = @(
        '| size of | bytes, llama.cpp / chosen | KL divergence, llama.cpp | KL divergence, chosen | share | bar |'
        '| --- | ---: | ---: | ---: | ---: | --- |'
    )
}
$folder = [IO.Directory]::CreateTempSubdirectory('ggufquant-').FullName
try {
    if ($Table) {
        $own = New-QuantCalibration $model (Join-Path $PSScriptRoot calibration.txt) -Destination (Join-Path $folder own.gguf) -ThreadCount $ThreadCount
    }

    if ('Rounding' -in $Table -or 'Sizes' -in $Table) {
        $foreign = New-QuantCalibration $model (Join-Path $PSScriptRoot scripture.txt) -Destination (Join-Path $folder foreign.gguf) -ThreadCount $ThreadCount
    }

    foreach ($type in $Table ? $bars.Keys : @()) {
        $files = @(ConvertTo-Quantized $model $type -ImportanceMatrix $own -Destination (Join-Path $folder "$type.gguf"))
        if ('Rounding' -in $Table) {
            $files += ConvertTo-Quantized $model $type -Calibration $own -Destination (Join-Path $folder "$type-own.gguf")
            $files += ConvertTo-Quantized $model $type -Calibration $foreign -Destination (Join-Path $folder "$type-foreign.gguf")
        }

        if ('Sizes' -in $Table) {
            $chosen = ConvertTo-Quantized $model -TargetSize $files[0].Size -Calibration $own -Destination (Join-Path $folder "$type-size.gguf")
            $expected = (Get-QuantPlan $model -TargetSize $files[0].Size -Calibration $own).ExpectedDivergence
            $files += $chosen
            $files += ConvertTo-Quantized $model -TargetSize $files[0].Size -Calibration $foreign -Destination (Join-Path $folder "$type-size-foreign.gguf")
        }

        if ('Types' -in $Table) {
            $alone = ConvertTo-Quantized $model -TargetSize $files[0].Size -ImportanceMatrix $own -Destination (Join-Path $folder "$type-types.gguf")
            $files += $alone
        }

        $measured = Compare-Quant $files.Path -Reference $model -Corpus (Join-Path $PSScriptRoot heldout.txt) -ThreadCount $ThreadCount |
            Where-Object { -not $_.IsReference }
        $divergences = @{}
        foreach ($row in $measured) { $divergences[(Split-Path $row.Path -Leaf)] = $row.Predictions.KlDivergence }
        $plain = $divergences["$type.gguf"]
        if ('Rounding' -in $Table) {
            $rounded = $divergences["$type-own.gguf"]
            $share = $rounded.Value / $plain.Value
            $tables.Rounding += '| {0} | {1} / {2} | {3} | {4} | {5} | {6} | {7} | {8} / {9} |' -f @(
                $type, $files[0].Size, $files[1].Size, (& $measure $plain), (& $measure $rounded)
                (& $text $share '0.000'), (& $verdict $share $bars[$type][0]), (& $text ($divergences["$type-foreign.gguf"].Value / $plain.Value) '0.000')
                (& $text $measured[0].Perplexity '0.000'), (& $text $measured[1].Perplexity '0.000')
            )
        }

        if ('Sizes' -in $Table) {
            $both = $divergences["$type-size.gguf"]
            $share = $both.Value / $plain.Value
            $tables.Sizes += '| {0} | {1} / {2} | {3} | {4} | {5} | {6} | {7} | {8} | {9} |' -f @(
                $type, $files[0].Size, $chosen.Size, (& $text $chosen.BitsPerWeight '0.00'), (& $measure $plain)
                (& $measure $both), (& $text $expected '0.00000'), (& $text $share '0.000'), (& $verdict $share $bars[$type][1])
                (& $text ($divergences["$type-size-foreign.gguf"].Value / $plain.Value) '0.000')
            )
        }

        if ('Types' -in $Table) {
            $types = $divergences["$type-types.gguf"]
            $share = $types.Value / $plain.Value
            $tables.Types += '| {0} | {1} / {2} | {3} | {4} | {5} | {6} |' -f @(
                $type, $files[0].Size, $alone.Size, (& $measure $plain), (& $measure $types), (& $text $share '0.000'), (& $verdict $share $bars[$type][2])
            )
        }
    }
}
finally {
    Remove-Item $folder -Recurse
}

$document = Join-Path $PSScriptRoot .. docs quality-per-byte.md
$page = [IO.File]::ReadAllText($document)
foreach ($name in $Table) {
    $page = [regex]::Replace($page, "(?s)(?<=<!-- $($name.ToLowerInvariant()) -->\n).*?(?=<!-- end -->)", "$($tables[$name] -join "`n")`n")
    $tables[$name]
}

[IO.File]::WriteAllText($document, $page)

# The picture shows what the tables say: of each row the second size and divergence, of llama.cpp's files the first.
$series = @(
    @{ Table = 'rounding'; Column = 0; Class = 'plain'; Name = "llama.cpp's types, importance matrix" }
    @{ Table = 'types'; Column = 1; Class = 'chosen'; Name = 'types chosen for the size' }
    @{ Table = 'rounding'; Column = 1; Class = 'rounded'; Name = "llama.cpp's types, rounded with the calibration" }
    @{ Table = 'sizes'; Column = 1; Class = 'both'; Name = 'both' }
)
$left, $top, $width, $height = 70, 24, 626, 380
$x = { param($bytes) $left + $width * ($bytes / 1e6 - 2.1) / 2.2 }
$y = { param($divergence) $top + $height * ([math]::Log10(0.1) - [math]::Log10([math]::Max($divergence, 5e-4))) / ([math]::Log10(0.1) - [math]::Log10(5e-4)) }
$at = { param($value) & $text $value '0.0' }
$svg = [Collections.Generic.List[string]]::new()
$svg.Add('<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 720 460" font-family="system-ui, sans-serif" font-size="12" role="img" aria-label="Size of the file against KL divergence">')
$svg.Add(@'
<style>
.page { fill: #ffffff } .ink { fill: #1f2328 } .muted { fill: #59636e } .grid { stroke: #d8dee4 } .series { fill: none; stroke-width: 2 }
.plain { stroke: #6e7781; fill: #6e7781 } .chosen { stroke: #9a6700; fill: #9a6700 } .rounded { stroke: #0969da; fill: #0969da } .both { stroke: #1a7f37; fill: #1a7f37 }
@media (prefers-color-scheme: dark) {
.page { fill: #0d1117 } .ink { fill: #f0f6fc } .muted { fill: #9198a1 } .grid { stroke: #2f353d }
.plain { stroke: #9198a1; fill: #9198a1 } .chosen { stroke: #d29922; fill: #d29922 } .rounded { stroke: #4493f8; fill: #4493f8 } .both { stroke: #3fb950; fill: #3fb950 }
}
polyline.series { fill: none }
</style>
'@)
$svg.Add('<rect width="720" height="460" class="page"/>')
foreach ($line in 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1) {
    $svg.Add("<path d=""M$left $(& $at (& $y $line))h$width"" class=""grid""/><text x=""$($left - 8)"" y=""$(& $at ((& $y $line) + 4))"" text-anchor=""end"" class=""muted"">$(& $text $line '0.####')</text>")
}

foreach ($megabytes in 2.5, 3, 3.5, 4) {
    $svg.Add("<path d=""M$(& $at (& $x (1e6 * $megabytes))) ${top}v$height"" class=""grid""/><text x=""$(& $at (& $x (1e6 * $megabytes)))"" y=""$($top + $height + 18)"" text-anchor=""middle"" class=""muted"">$(& $text $megabytes '0.0') MB</text>")
}

$svg.Add("<text x=""$($left + $width / 2)"" y=""$($top + $height + 42)"" text-anchor=""middle"" class=""ink"">size of the file</text>")
$svg.Add("<text transform=""rotate(-90 16 $($top + $height / 2))"" x=""16"" y=""$($top + $height / 2)"" text-anchor=""middle"" class=""ink"">KL divergence, nats per token</text>")
# The lines run from the upper left to the lower right, so the lower left is free.
$legend = $top + $height - 92
$svg.Add("<rect x=""$($left + 12)"" y=""$legend"" width=""318"" height=""80"" rx=""4"" class=""page""/>")
foreach ($one in $series) {
    $rows = [regex]::Match($page, "(?s)<!-- $($one.Table) -->\n(.*?)<!-- end -->").Groups[1].Value
    $points = foreach ($row in [regex]::Matches($rows, '(?m)^\| (\w+) \| (\d+) / (\d+) \|.*$')) {
        $measured = [regex]::Matches($row.Value, '([\d.]+) ± ([\d.]+)')[$one.Column]
        [pscustomobject] @{
            Type = $row.Groups[1].Value
            Size = [double] $row.Groups[2 + $one.Column].Value
            Value = [double]::Parse($measured.Groups[1].Value, [cultureinfo]::InvariantCulture)
            Error = [double]::Parse($measured.Groups[2].Value, [cultureinfo]::InvariantCulture)
        }
    }

    $points = @($points | Sort-Object Size)
    $svg.Add("<polyline points=""$(($points | ForEach-Object { "$(& $at (& $x $_.Size)),$(& $at (& $y $_.Value))" }) -join ' ')"" class=""series $($one.Class)""/>")
    foreach ($point in $points) {
        $across = & $at (& $x $point.Size)
        $svg.Add("<path d=""M$across $(& $at (& $y ($point.Value + 2 * $point.Error)))V$(& $at (& $y ($point.Value - 2 * $point.Error)))"" class=""$($one.Class)"" stroke-width=""6""/><circle cx=""$across"" cy=""$(& $at (& $y $point.Value))"" r=""3.5"" class=""$($one.Class)""/>")
        if ($one.Class -eq 'plain') {
            # The line falls to the right of all points but the first.
            $before = $point -eq $points[0] ? 20 : 4
            $svg.Add("<text x=""$(& $at ((& $x $point.Size) - $before))"" y=""$(& $at ((& $y $point.Value) - 10))"" font-weight=""600"" class=""ink"">$($point.Type)</text>")
        }
    }

    $row = $legend + 14 + 18 * $series.IndexOf($one)
    $svg.Add("<path d=""M$($left + 20) ${row}h24"" class=""series $($one.Class)""/><text x=""$($left + 52)"" y=""$($row + 4)"" class=""ink"">$($one.Name)</text>")
}
$svg.Add('</svg>')
[IO.File]::WriteAllText((Join-Path $PSScriptRoot .. docs quality-per-byte.svg), "$($svg -join "`n")`n".ReplaceLineEndings("`n"))
