<#
.SYNOPSIS
Estimates how long machines with 64 cores take to quantize a model of 1 TB, as the table in docs/many-machines.md.

.DESCRIPTION
Nothing is measured here. N machines need the longest of three times: the processors' for all weights by N, each network card's
for the machine's share of the source, and the storage's for source and result together. The processors' speed is that of
docs/benchmarks.md, and is assumed to grow with the cores.
#>

#Requires -Version 7.6
[CmdletBinding()]
param()

$billionWeights = 500
$sourceGB = 2 * $billionWeights
$resultGB = $billionWeights * 4.87 / 8
$card = 1.1
$benchmark = Select-String -LiteralPath (Join-Path $PSScriptRoot .. .. docs benchmarks.md) -Pattern '^\| bf16 \| Q4_K_M \| ([\d.]+) \|'
$processors = [double] $benchmark.Matches[0].Groups[1].Value * $billionWeights / 1.1 * 2 / 64
$time = {
    param($machines, $storage)
    $longest = (($processors / $machines), ($sourceGB / $machines / $card), (($sourceGB + $resultGB) / $storage) | Measure-Object -Maximum).Maximum
    [Math]::Round($longest)
}

'| storage, GB/s | 1 machine | 4 | 8 | 16 | machines that help |'
'|---:|---:|---:|---:|---:|---:|'
foreach ($storage in 1.1, 10, 40) {
    $cells = 1, 4, 8, 16 | ForEach-Object { "$(& $time $_ $storage) s" }
    $useful = 1
    while ((& $time ($useful + 1) $storage) -lt (& $time $useful $storage)) { $useful++ }
    "| $storage | $($cells -join ' | ') | $useful |"
}
