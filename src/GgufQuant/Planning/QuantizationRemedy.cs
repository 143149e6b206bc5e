namespace GgufQuant.Planning;

/// <summary>The options without which some models cannot be quantized.</summary>
public enum QuantizationRemedy
{
    /// <summary>No option helps.</summary>
    None,

    /// <summary><see cref="QuantizationOptions.AllowRequantize"/>.</summary>
    AllowRequantize,

    /// <summary>An <see cref="QuantizationOptions.Imatrix"/>, or one that knows more tensors.</summary>
    Imatrix,
}
