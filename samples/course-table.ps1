<#
.SYNOPSIS
Checks a table that a course on quantization prints, of what a 7B model needs and loses in each type.

.DESCRIPTION
Course GB and Course quality are the course's: "VRAM" in GB, and quality in per cent of FP16's. File GB is the size of
the file, planned from the shapes of a 7B llama alone, and Run GB the memory to run it with 4,096 tokens of context. LLaMA 2
(7B) and LLaMA 3 (8B) are the quality that llama.cpp's developers published, and Sample that of the sample model on
heldout.txt: the unquantized model's perplexity in per cent of the quantized one's.
#>
#Requires -Version 7.6
[CmdletBinding()]
param(
    # Chunks of heldout.txt to evaluate; all of them by default.
    [ValidateRange(1, [int]::MaxValue)]
    [int] $ChunkCount = [int]::MaxValue
)

$ErrorActionPreference = 'Stop'
if (-not (Get-Module GgufQuant)) { Import-Module (Join-Path $PSScriptRoot .. GgufQuant.psd1) }
$types = 'F16', 'Q8_0', 'Q5_K_M', 'Q4_K_M', 'Q3_K_M', 'Q2_K'
$folder = [IO.Directory]::CreateTempSubdirectory('ggufquant-').FullName
try {
    $header = & (Join-Path $PSScriptRoot llama-7b-header.ps1) (Join-Path $folder llama-7b-f16.gguf)
    $plans = Get-QuantPlan $header -Type $types
    $fits = Find-QuantType $header -Memory 1TB -ContextLength 4096
    $rows = ConvertTo-Quantized (Join-Path $PSScriptRoot novels-6m-f16.gguf) -Type ($types -ne 'F16') -Destination $folder |
        Compare-Quant -Corpus (Join-Path $PSScriptRoot heldout.txt) -ChunkCount $ChunkCount

    $percent = { param($measurement) if ($null -ne $measurement.RelativeQuality) { 100 * $measurement.RelativeQuality } }
    $table = foreach ($type in $types) {
        $published = (Get-QuantType $type).GetPublished() | Where-Object Imatrix -EQ $false
        $course = $published | Where-Object Model -EQ 'a 7B model'
        [pscustomobject] @{
            Type          = $type
            CourseGB      = $course.Size / 1e9
            FileGB        = ($plans | Where-Object Type -EQ $type).Size / 1e9
            RunGB         = ($fits | Where-Object Type -EQ $type).Memory / 1e9
            CourseQuality = & $percent $course
            Llama2        = & $percent ($published | Where-Object Model -EQ 'LLaMA 2 7B')
            Llama3        = & $percent ($published | Where-Object Model -EQ 'LLaMA 3 8B')
            Sample        = & $percent ($rows | Where-Object Type -EQ $type)
        }
    }
    $columns = foreach ($name in 'CourseGB', 'FileGB', 'RunGB', 'CourseQuality', 'Llama2', 'Llama3', 'Sample') {
        $label = $name -creplace 'Llama', 'LLaMA ' -creplace '(GB|Quality)$', ' $1' -creplace 'Quality', 'quality'
        @{ Label = $label; Expression = $name; FormatString = '0.0'; Alignment = 'Right' }
    }
    $table | Format-Table -Property (@('Type') + $columns) -AutoSize
}
finally {
    Remove-Item -LiteralPath $folder -Recurse -Force
}
