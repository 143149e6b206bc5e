using GgufQuant.IO;

namespace GgufQuant.Planning;

/// <summary>A model cannot be quantized as requested; the message says why and what to do.</summary>
public sealed class QuantizationException(string message, Exception? inner = null) : Exception(PrintableText.Escape(message), inner)
{
    /// <summary>The option that would make it possible.</summary>
    public QuantizationRemedy Remedy { get; init; }
}
