<#
.SYNOPSIS
Measures what running models in a separate process costs.

.DESCRIPTION
Compares, round by round, the start of a bare PowerShell with that of the engine process, and the evaluation of the
sample model in this process with that in the engine process. Medians are printed. Leave the machine alone.

.EXAMPLE
dotnet tool exec powershell --yes -- tests/GgufQuant.Benchmarks/Measure-Engine.ps1
#>
#Requires -Version 7.6
[CmdletBinding()]
param(
    [ValidateRange(1, 1000)]
    [int] $Rounds = 9,

    # Chunks of 256 tokens to evaluate.
    [ValidateRange(1, 1000)]
    [int] $Chunks = 40,

    # Threads that evaluate; 0 for one per processor. Fewer are less disturbed by what else runs.
    [ValidateRange(0, 1024)]
    [int] $Threads = 0
)

$ErrorActionPreference = 'Stop'
$env:POWERSHELL_TELEMETRY_OPTOUT = 1
$env:POWERSHELL_UPDATECHECK = 'Off'
$root = Join-Path $PSScriptRoot .. .. -Resolve
$model = Join-Path $root samples novels-6m-f16.gguf
$text = Join-Path $root samples heldout.txt
Add-Type -Path (Join-Path $root module GgufQuant.Evaluation.dll)

$program = [Environment]::ProcessPath
$arguments = '-NoLogo', '-NoProfile', '-NonInteractive', '-Command'
if ((Split-Path $program -LeafBase) -eq 'dotnet') { $arguments = @(Join-Path $PSHOME pwsh.dll) + $arguments }

# The same command as the cmdlets'.
$assembly = [GgufQuant.Evaluation.Hosting.EngineHost].Assembly.Location
$run = "`$null = [Reflection.Assembly]::LoadFrom('$assembly'); exit [GgufQuant.Evaluation.Hosting.EngineHost]::Run()"
$command = [GgufQuant.Evaluation.Hosting.HostCommand]::new($program, [string[]] ($arguments + $run))
$location = [GgufQuant.Evaluation.Engines.EngineCatalog]::Choose([GgufQuant.Evaluation.Engines.EngineCatalog]::Find((Join-Path $root module engine)), [NullString]::Value).GetLocation()
$none = [Threading.CancellationToken]::None
$options = [GgufQuant.Evaluation.Perplexity.QualityOptions]::new()
$options.GetType().GetProperty('ContextLength').SetValue($options, 256)
$options.GetType().GetProperty('Chunks').SetValue($options, $Chunks)
$options.GetType().GetProperty('Threads').SetValue($options, $Threads)

function Get-Median([double[]] $Value) { ($Value | Sort-Object)[[Math]::Floor($Value.Count / 2)] }

# The first rounds are dropped: they find nothing in the file cache, and compile what the others find compiled.
$starts = foreach ($round in 0..$Rounds) {
    $bare = Measure-Command { & $program @arguments 'exit' }
    $remote = [GgufQuant.Evaluation.Hosting.RemoteEngine]::new($command, $location)
    try { $start = Measure-Command { $null = $remote.Start($none) } } finally { $remote.Dispose() }
    if ($round -gt 0) { [pscustomobject] @{ Bare = $bare.TotalSeconds; Start = $start.TotalSeconds } }
}

$engine = [GgufQuant.Evaluation.Engines.PackagedEngine]::Start($location, $null)
$remote = [GgufQuant.Evaluation.Hosting.RemoteEngine]::new($command, $location)
try {
    $evaluations = foreach ($round in -1..$Rounds) {
        $local = Measure-Command {
            $meter = [GgufQuant.Evaluation.Perplexity.QualityMeter]::new($engine, $model, [GgufQuant.Evaluation.Perplexity.CorpusChunks]::ReadText($text), $options)
            $null = $meter.MeasureReference($null, $none)
            $meter.Dispose()
        }
        $child = Measure-Command {
            $null = [GgufQuant.Evaluation.Hosting.RemoteQualityMeter]::new($remote, $model, $text, $options).MeasureReference($null, $none)
        }
        if ($round -gt 0) { [pscustomobject] @{ Local = $local.TotalSeconds; Child = $child.TotalSeconds } }
    }
}
finally {
    $remote.Dispose()
}

$bare = Get-Median $starts.Bare
$start = Get-Median $starts.Start
$difference = Get-Median $starts.ForEach{ $_.Start - $_.Bare }
$local = Get-Median $evaluations.Local
$child = Get-Median $evaluations.Child
$share = Get-Median $evaluations.ForEach{ $_.Child / $_.Local - 1 }
@"
| what | s | bar | verdict |
| --- | ---: | ---: | --- |
| Start of a bare PowerShell | $($bare.ToString('0.000')) | | |
| Start of the engine process, engine included | $($start.ToString('0.000')) | | |
| Difference, median of $Rounds pairs | $($difference.ToString('0.000')) | 0.3 | $($difference -le 0.3 ? 'met' : 'missed') |
| Perplexity of the sample over $Chunks chunks, in this process | $($local.ToString('0.000')) | | |
| The same in the engine process | $($child.ToString('0.000')) | | |
| Difference, median of $Rounds pairs | $($share.ToString('0.0 %')) | 3 % | $($share -le 0.03 ? 'met' : 'missed') |
"@
