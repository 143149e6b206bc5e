namespace GgufQuant.Planning;

/// <summary>The options that some models cannot be quantized without.</summary>
public enum QuantizationRemedy
{
    /// <summary>No option helps.</summary>
    None,

    /// <summary><see cref="QuantizationOptions.AllowRequantize"/>.</summary>
    AllowRequantize,

    /// <summary>An <see cref="QuantizationOptions.Imatrix"/>, or one that covers more tensors.</summary>
    Imatrix,
}
