# What Tab offers for parameters whose values depend on a file, or are usual ones.
Describe 'Tab after <Line>' -ForEach @(
    @{ Line = 'ConvertTo-Quantized $model Q4_K_M -TensorType v'; Expected = 'attn_v=' }
    @{ Line = 'ConvertTo-Quantized $model Q4_K_M -TensorType attn_v=q6'; Expected = "'attn_v=q6_K'" }
    @{ Line = 'Get-QuantPlan $model Q4_K_M -TensorType ffn_d'; Expected = 'ffn_down=' }
    @{ Line = 'ConvertTo-Quantized $model Q4_K_M -IncludeWeight ffn'; Expected = 'ffn_down', 'ffn_gate', 'ffn_norm', 'ffn_up' }
    @{ Line = 'ConvertTo-Quantized $model Q4_K_M -ExcludeWeight embd'; Expected = 'token_embd' }
    @{ Line = 'ConvertTo-Quantized $model Q4_K_M -PruneLayer '; Expected = '0', '1', '2', '3', '4', '5' }
    @{ Line = 'ConvertTo-Quantized $model Q4_K_M -MemoryBudget 5'; Expected = '512MB' }
    @{ Line = 'ConvertTo-Quantized $model Q4_K_M -SplitMaxSize 4'; Expected = '4GB', '48GB' }
    @{ Line = 'Split-Gguf $model -MaxSize 4'; Expected = '4GB', '48GB' }
    @{ Line = 'Get-GgufInfo $model -ContextLength 2'; Expected = '256', '2048', '8192', '32768', '131072' }
    @{ Line = 'Get-Item *.gguf | Find-QuantType -ContextLength 40'; Expected = '4096' }
    @{ Line = 'Compare-Quant $model -ContextLength 81'; Expected = '8192' }
    @{ Line = 'Get-GgufTensor $model -Name 0.attn_q'; Expected = 'blk.0.attn_q.weight' }
    @{ Line = 'Get-GgufMetadata $model -Key block_c'; Expected = 'llama.block_count' }
    @{ Line = 'Set-GgufMetadata $model -Remove block_c'; Expected = 'llama.block_count' }
    @{ Line = 'Get-ImportanceMatrix $matrix -Name q'; Expected = 'blk.0.attn_q.weight', 'blk.1.attn_q.weight' }
    @{ Line = 'ConvertTo-Gguf folder -SplitMaxSize 4'; Expected = '4GB', '48GB' }
    @{ Line = 'ConvertTo-Gguf folder -PreTokenizer llama'; Expected = 'llama-bpe', 'llama4' }
    @{ Line = 'ConvertTo-Quantized folder -PreTokenizer qwen'; Expected = 'qwen2', 'qwen35' }
    @{ Line = 'Find-QuantType $model 8GB -Reserve 5'; Expected = '5%', '512MB' }
    @{ Line = 'Get-GgufInfo $model -BatchSize 10'; Expected = '1024' }
    @{ Line = 'New-QuantCalibration $model c.txt -CovarianceWidth 40'; Expected = '4096' }
    @{ Line = 'Get-GgufTensor none.gguf -Name q'; Expected = $null }
) {
    It 'offers <Expected>' {
        $matrix = New-TestImatrix (Join-Path $TestDrive m.dat) -Entry ([ordered] @{ 'blk.0.attn_q.weight' = 1, 2; 'blk.1.attn_q.weight' = 1, 2; 'output.weight' = 3, 4 })
        $text = $Line.Replace('$model', "'$($Samples.Model)'").Replace('$matrix', "'$matrix'")
        # Where the module has nothing to offer, PowerShell offers files.
        Complete-Line $text | Where-Object ResultType -eq ParameterValue | ForEach-Object CompletionText | Should -Be $Expected
    }
}
