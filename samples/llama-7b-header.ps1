<#
.SYNOPSIS
Writes the header of a 7B llama in F16: the shapes of LLaMA 2 7B, without the 13 GB of weights.

.DESCRIPTION
Get-QuantPlan and Find-QuantType need no more than that for the size of every type and the memory to run it.
#>
#Requires -Version 7.6
[CmdletBinding()]
[OutputType([IO.FileInfo])]
param(
    # The file to write.
    [Parameter(Mandatory)]
    [string] $Destination
)

$ErrorActionPreference = 'Stop'
Set-StrictMode -Version Latest
$width = 4096
$feedForward = 11008
$vocabulary = 32000
$layers = 32

$metadata = [ordered] @{
    'general.architecture'          = 'llama'
    'general.name'                  = 'Llama 7B'
    'llama.block_count'             = $layers
    'llama.context_length'          = 4096
    'llama.embedding_length'        = $width
    'llama.feed_forward_length'     = $feedForward
    'llama.attention.head_count'    = 32
    'llama.attention.head_count_kv' = 32
    'llama.vocab_size'              = $vocabulary
}

# Name to dimensions, row length first.
$tensors = [ordered] @{ 'token_embd.weight' = $width, $vocabulary; 'output_norm.weight' = , $width; 'output.weight' = $width, $vocabulary }
foreach ($layer in 0..($layers - 1)) {
    foreach ($norm in 'attn_norm', 'ffn_norm') { $tensors["blk.$layer.$norm.weight"] = , $width }
    foreach ($attention in 'attn_q', 'attn_k', 'attn_v', 'attn_output') { $tensors["blk.$layer.$attention.weight"] = $width, $width }
    foreach ($inner in 'ffn_gate', 'ffn_up') { $tensors["blk.$layer.$inner.weight"] = $width, $feedForward }
    $tensors["blk.$layer.ffn_down.weight"] = $feedForward, $width
}

$path = $ExecutionContext.SessionState.Path.GetUnresolvedProviderPathFromPSPath($Destination)
$writer = [IO.BinaryWriter]::new([IO.File]::Create($path))
function Write-Text([string] $Text) {
    $bytes = [Text.Encoding]::UTF8.GetBytes($Text)
    $writer.Write([uint64] $bytes.Length)
    $writer.Write($bytes)
}

try {
    $writer.Write([Text.Encoding]::ASCII.GetBytes('GGUF'))
    $writer.Write([uint32] 3)
    $writer.Write([uint64] $tensors.Count)
    $writer.Write([uint64] $metadata.Count)
    foreach ($entry in $metadata.GetEnumerator()) {
        Write-Text $entry.Key
        $isText = $entry.Value -is [string]
        $writer.Write([uint32] ($isText ? 8 : 4))
        if ($isText) { Write-Text $entry.Value } else { $writer.Write([uint32] $entry.Value) }
    }
    $offset = [uint64] 0
    foreach ($entry in $tensors.GetEnumerator()) {
        Write-Text $entry.Key
        $writer.Write([uint32] $entry.Value.Count)
        $bytes = [uint64] 1
        foreach ($dimension in $entry.Value) {
            $writer.Write([uint64] $dimension)
            $bytes *= $dimension
        }
        # Vectors are F32, matrices F16; every size is a multiple of the alignment.
        $isMatrix = $entry.Value.Count -gt 1
        $writer.Write([uint32] ($isMatrix ? 1 : 0))
        $writer.Write($offset)
        $offset += $bytes * ($isMatrix ? 2 : 4)
    }
    while ($writer.BaseStream.Position % 32) { $writer.Write([byte] 0) }
}
finally {
    $writer.Dispose()
}
Get-Item -LiteralPath $path
