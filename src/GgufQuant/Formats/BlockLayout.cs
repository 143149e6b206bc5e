namespace GgufQuant.Formats;

/// <summary>What a run of a block's bytes holds, for byte order and validation.</summary>
internal enum FieldKind
{
    /// <summary>Bytes, or integers of several bytes, in which every bit pattern is valid.</summary>
    Data,

    /// <summary>Bytes that ggml reads at more than one width, so they have no big-endian form.</summary>
    MixedWidths,

    /// <summary>A half-precision scale, minimum or weight.</summary>
    Half,

    /// <summary>A bfloat16 weight.</summary>
    BFloat16,

    /// <summary>A single-precision scale or weight.</summary>
    Single,

    /// <summary>A double-precision weight, which must stay finite as a float.</summary>
    Double,

    /// <summary>An unsigned 8-bit exponent (E8M0), where 0xFF is NaN.</summary>
    E8M0,

    /// <summary>One half-precision scale in the upper four bits of four 16-bit words: iq1_m's.</summary>
    SplitHalf,
}

/// <summary>A field of a block: a run of words of one width.</summary>
/// <param name="Kind">What the words hold.</param>
/// <param name="Width">Bytes per word: 1, 2, 4 or 8.</param>
/// <param name="Count">Number of words.</param>
/// <param name="Offset">Bytes from the start of the block; <see cref="BlockLayout"/> fills it in.</param>
internal readonly record struct BlockField(FieldKind Kind, int Width, int Count, int Offset = 0)
{
    /// <summary>Whether some bit patterns are not finite numbers.</summary>
    public bool IsScale => Kind is not (FieldKind.Data or FieldKind.MixedWidths);

    /// <summary>Bytes in the field.</summary>
    public int Bytes => Width * Count;

    public static BlockField Data(int count, int width = 1) => new(FieldKind.Data, width, count);

    public static BlockField MixedWidths(int bytes) => new(FieldKind.MixedWidths, 1, bytes);

    public static BlockField Halves(int count = 1) => new(FieldKind.Half, sizeof(ushort), count);

    public static BlockField BFloat16() => new(FieldKind.BFloat16, sizeof(ushort), 1);

    public static BlockField Single() => new(FieldKind.Single, sizeof(float), 1);

    public static BlockField Double() => new(FieldKind.Double, sizeof(double), 1);

    public static BlockField E8M0() => new(FieldKind.E8M0, 1, 1);

    public static BlockField SplitHalf() => new(FieldKind.SplitHalf, sizeof(ushort), 4);
}

/// <summary>The fields of a block in order, such as those of ggml's <c>block_q4_K</c>.</summary>
/// <remarks>Declared by the format; <see cref="BlockValidation"/> and byte swapping of big-endian files derive from it.</remarks>
internal sealed class BlockLayout
{
    /// <param name="fields">The fields in block order, without gaps.</param>
    public BlockLayout(params ReadOnlySpan<BlockField> fields)
    {
        BlockField[] placed = new BlockField[fields.Length];
        for (int i = 0; i < placed.Length; i++)
        {
            placed[i] = fields[i] with { Offset = Bytes };
            Bytes += fields[i].Bytes;
        }
        Scales = Array.FindAll(placed, field => field.IsScale);
        Words = Array.FindAll(placed, field => field.Width > 1);
        HasBigEndianForm = !Array.Exists(placed, field => field.Kind == FieldKind.MixedWidths);
    }

    /// <summary>Bytes of the block.</summary>
    public int Bytes { get; }

    /// <summary>The fields that can hold a non-finite number.</summary>
    public BlockField[] Scales { get; }

    /// <summary>The fields whose words have a byte order.</summary>
    public BlockField[] Words { get; }

    /// <summary>Whether the block has a form in big-endian files.</summary>
    public bool HasBigEndianForm { get; }
}
