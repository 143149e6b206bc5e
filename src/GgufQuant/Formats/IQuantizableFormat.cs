namespace GgufQuant.Formats;

/// <summary>A format that floats can be quantized to, byte-identical to <c>ggml_quantize_chunk</c>.</summary>
internal interface IQuantizableFormat : IBlockFormat
{
    /// <summary>What importance weights mean to this format.</summary>
    static abstract ImatrixSupport Importance { get; }

    /// <summary>Quantizes whole rows.</summary>
    /// <param name="weights">A whole number of rows of finite floats.</param>
    /// <param name="rowLength">Weights per row, a multiple of <see cref="IBlockFormat.BlockSize"/>.</param>
    /// <param name="importance">One factor per column, used by every row; empty for none.</param>
    /// <param name="blocks">Receives the blocks, row after row.</param>
    static abstract void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks);
}

/// <summary>What importance weights mean to a format.</summary>
public enum ImatrixSupport
{
    /// <summary>The bytes are the same with and without them.</summary>
    Ignored,

    /// <summary>They steer the search if given.</summary>
    Optional,

    /// <summary>The format cannot be quantized to without them.</summary>
    Required,
}
