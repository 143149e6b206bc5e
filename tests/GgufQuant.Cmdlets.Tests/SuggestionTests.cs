using System.Management.Automation;

namespace GgufQuant.Cmdlets.Tests;

/// <summary>A misspelt type is answered with the one that was meant.</summary>
public class SuggestionTests
{
    [Theory]
    [InlineData("-Type Q4KM", "'Q4KM' names no quantization. Did you mean 'Q4_K_M'?")]
    [InlineData("-Type Q4_KM", "'Q4_KM' names no quantization. Did you mean 'Q4_K_M'?")]
    [InlineData("-Type Q5_M", "'Q5_M' is not one of llama.cpp's types (Q5: about 5 bits a weight; _M: medium mix: the most sensitive tensors get more bits). Did you mean 'Q5_K_M'?")]
    [InlineData("-Type Q8", "Did you mean 'Q8_0'?")]
    [InlineData("-Type small", "'small' names no quantization. Get-QuantType lists them all.")]
    [InlineData("-Type Q4_0 -OutputTensorType q6k", "'q6k' is not a tensor type. Did you mean 'q6_K'?")]
    [InlineData("-Type Q4_0 -TensorType 'attn_v=q5'", "'q5' is not a tensor type. Did you mean 'q5_0', 'q5_1' or 'q5_K'?")]
    [InlineData("-Type Q4_0 -TensorType 'attn_v=huge'", "'huge' is not a tensor type. Write rules as")]
    public void A_misspelt_type_is_answered_with_what_was_meant(string arguments, string expected)
    {
        using PowerShellSession session = PowerShellSession.Start();
        ErrorRecord error = session.InvokeForError($"ConvertTo-Quantized $sample {arguments} -WhatIf");
        Assert.Contains(expected, error.Exception.Message);
    }
}
