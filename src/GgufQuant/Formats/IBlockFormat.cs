namespace GgufQuant.Formats;

/// <summary>A tensor type: its name, its block and how a block reads as floats.</summary>
/// <remarks>
/// One struct per format, one file per struct. A format that can also be written implements
/// <see cref="IQuantizableFormat"/>; <see cref="BlockFormat"/> is the table of them all.
/// </remarks>
internal interface IBlockFormat
{
    /// <summary>The type's number in ggml.</summary>
    static abstract GgmlType Type { get; }

    /// <summary>The name as llama.cpp prints it: <c>q4_K</c>, <c>f16</c>.</summary>
    static abstract string Name { get; }

    /// <summary>Weights per block.</summary>
    static abstract int BlockSize { get; }

    /// <summary>Bytes per block.</summary>
    static abstract int BlockBytes { get; }

    /// <summary>The block's fields, which together take <see cref="BlockBytes"/>.</summary>
    static abstract BlockLayout Layout { get; }

    /// <summary>Whether ggml counts the type as quantized (<c>ggml_is_quantized</c>).</summary>
    static abstract bool IsQuantized { get; }

    /// <summary>Reads whole blocks as floats, bit-identical to ggml's <c>to_float</c>.</summary>
    /// <param name="blocks">A whole number of blocks, little-endian.</param>
    /// <param name="weights">Takes <see cref="BlockSize"/> floats per block.</param>
    static abstract void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights);
}
