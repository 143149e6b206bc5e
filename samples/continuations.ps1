<#
.SYNOPSIS
Makes continuations.txt, 400 questions in the form of HellaSwag, from heldout.txt.

.DESCRIPTION
A question is a passage that stops six words before the end of a sentence. The true ending is those six words; the others
are the ends of three sentences from elsewhere in the text, so they are as well written and as likely on their own. Always
writes the same file.
#>
#Requires -Version 7.6
[CmdletBinding()]
param(
    # The file to write.
    [string] $Destination = (Join-Path $PSScriptRoot continuations.txt)
)

$ErrorActionPreference = 'Stop'
Set-StrictMode -Version Latest
$questionCount = 400
$endingWords = 6
$contextWords = 12..60

# What precedes the ending of each sentence in its paragraph, and the ending.
$passages = foreach ($paragraph in (Get-Content (Join-Path $PSScriptRoot heldout.txt) -Raw) -split '\n\s*\n') {
    $words = @()
    foreach ($sentence in $paragraph.Trim() -replace '\s+', ' ' -csplit '(?<=[.!?]"?) (?="?[A-Z])') {
        $words += $sentence -split ' '
        $context = @($words | Select-Object -SkipLast $endingWords | Select-Object -Last $contextWords[-1])
        if (($sentence -split ' ').Count -ge 2 * $endingWords -and $context.Count -ge $contextWords[0]) {
            [pscustomobject] @{ Context = $context -join ' '; Ending = $words[-$endingWords..-1] -join ' ' }
        }
    }
}

$random = [Random]::new(1)
$lines = for ($question = 0; $question -lt $questionCount; $question++) {
    $own = [math]::Floor($question * $passages.Count / $questionCount)
    $others = [Collections.Generic.HashSet[int]]::new()
    while ($others.Count -lt 3) {
        $other = $random.Next($passages.Count)
        if ($other -ne $own) { $null = $others.Add($other) }
    }
    $answer = $random.Next(4)
    $endings = [Collections.Generic.List[string]] @($passages[@($others)].Ending)
    $endings.Insert($answer, $passages[$own].Ending)
    $passages[$own].Context
    $answer
    $endings
}
[IO.File]::WriteAllText($Destination, ($lines -join "`n") + "`n")
