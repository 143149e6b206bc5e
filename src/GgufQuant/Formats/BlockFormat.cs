namespace GgufQuant.Formats;

/// <summary>A tensor type as an object; the table of every format in <see cref="IBlockFormat"/>'s terms.</summary>
public abstract class BlockFormat
{
    // In the order of ggml's numbers.
    private static readonly BlockFormat[] s_all =
    [
        new Quantizable<F32>(),
        new Quantizable<F16>(),
        new Quantizable<Q4_0>(),
        new Quantizable<Q4_1>(),
        new Quantizable<Q5_0>(),
        new Quantizable<Q5_1>(),
        new Quantizable<Q8_0>(),
        new Readable<Q8_1>(),
        new Quantizable<Q2_K>(),
        new Quantizable<Q3_K>(),
        new Quantizable<Q4_K>(),
        new Quantizable<Q5_K>(),
        new Quantizable<Q6_K>(),
        new Readable<Q8_K>(),
        new Quantizable<IQ2_XXS>(),
        new Quantizable<IQ2_XS>(),
        new Quantizable<IQ3_XXS>(),
        new Quantizable<IQ1_S>(),
        new Quantizable<IQ4_NL>(),
        new Quantizable<IQ3_S>(),
        new Quantizable<IQ2_S>(),
        new Quantizable<IQ4_XS>(),
        new Readable<I8>(),
        new Readable<I16>(),
        new Readable<I32>(),
        new Readable<I64>(),
        new Readable<F64>(),
        new Quantizable<IQ1_M>(),
        new Quantizable<BF16>(),
        new Quantizable<TQ1_0>(),
        new Quantizable<TQ2_0>(),
        new Quantizable<MXFP4>(),
        new Quantizable<NVFP4>(),
        new Quantizable<Q1_0>(),
        new Quantizable<Q2_0>(),
    ];

    private static readonly BlockFormat?[] s_byNumber = ByNumber();

    // As many super-blocks as the widest lanes hold side by side.
    private const int TrialWeights = 16 * SuperBlock.Size;

    private int _isPrepared;
    private int _isPreparedWeighed;
    private int _isReadingPrepared;

    private BlockFormat(GgmlType type, string name, int blockSize, int blockBytes, BlockLayout layout, bool isQuantized)
    {
        if (layout.Bytes != blockBytes)
            throw new InvalidOperationException($"The fields of {name} take {layout.Bytes} bytes, but its block has {blockBytes}.");
        Type = type;
        Name = name;
        BlockSize = blockSize;
        BlockBytes = blockBytes;
        Layout = layout;
        IsQuantized = isQuantized;
    }

    /// <summary>Every format, in the order of ggml's numbers.</summary>
    public static IReadOnlyList<BlockFormat> All { get; } = [.. s_all];

    /// <summary>The type's number in ggml.</summary>
    public GgmlType Type { get; }

    /// <summary>The name as llama.cpp prints it.</summary>
    public string Name { get; }

    /// <summary>Weights per block.</summary>
    public int BlockSize { get; }

    /// <summary>Bytes per block.</summary>
    public int BlockBytes { get; }

    /// <summary>The block's fields.</summary>
    internal BlockLayout Layout { get; }

    /// <summary>Whether ggml counts the type as quantized.</summary>
    public bool IsQuantized { get; }

    /// <summary>Whether <see cref="Quantize"/> can write this format.</summary>
    public virtual bool CanQuantize => false;

    /// <summary>What importance weights mean to this format.</summary>
    public virtual ImatrixSupport Importance => ImatrixSupport.Ignored;

    /// <summary>Bits per weight, including block overhead.</summary>
    public double BitsPerWeight => 8.0 * BlockBytes / BlockSize;

    /// <summary>The format of a type.</summary>
    /// <exception cref="ArgumentOutOfRangeException">ggml has no such type, or has removed it.</exception>
    public static BlockFormat Of(GgmlType type) =>
        TryGet(type, out BlockFormat? format)
            ? format
            : throw new ArgumentOutOfRangeException(nameof(type), type, $"ggml has no tensor type {(int)type}.");

    /// <summary>The format of a type, if ggml has a type with this number.</summary>
    public static bool TryGet(GgmlType type, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out BlockFormat? format)
    {
        format = (uint)type < (uint)s_byNumber.Length ? s_byNumber[(int)type] : null;
        return format is not null;
    }

    /// <summary>A format as an object, whether or not it is in the table.</summary>
    internal static BlockFormat Of<TFormat>()
        where TFormat : struct, IQuantizableFormat => new Quantizable<TFormat>();

    /// <summary>Bytes taken by <paramref name="weights"/> weights, which must be a multiple of the block.</summary>
    /// <exception cref="OverflowException">The size exceeds 63 bits.</exception>
    public long ByteCount(long weights) => checked(weights / BlockSize * BlockBytes);

    /// <inheritdoc cref="IBlockFormat.Dequantize"/>
    public abstract void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights);

    /// <inheritdoc cref="IQuantizableFormat.Quantize"/>
    /// <exception cref="NotSupportedException">The format can only be read.</exception>
    public virtual void Quantize(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
        throw new NotSupportedException($"{Name} can only be read, not quantized to.");

    /// <summary>Whether <see cref="Prepare"/> has nothing to do.</summary>
    /// <param name="isWeighed">Whether importance weights will be given.</param>
    internal bool IsPrepared(bool isWeighed) => !CanQuantize || Volatile.Read(ref Weighs(isWeighed) ? ref _isPreparedWeighed : ref _isPrepared) != 0;

    /// <summary>Has the runtime compile what <see cref="Quantize"/> runs, and the tables built, by quantizing some weights; once.</summary>
    /// <param name="isWeighed">Whether importance weights will be given.</param>
    internal void Prepare(bool isWeighed)
    {
        bool weighs = Weighs(isWeighed);
        if (!CanQuantize || Interlocked.Exchange(ref weighs ? ref _isPreparedWeighed : ref _isPrepared, 1) != 0)
            return;
        float[] weights = new float[TrialWeights];
        uint random = 1;
        for (int i = 0; i < weights.Length; i++)
        {
            random = (random * 1664525) + 1013904223;
            float uniform = (int)random / 2147483648f;
            // Few are large, as in a model.
            weights[i] = uniform * uniform * uniform;
        }
        float[] importance = new float[weighs ? TrialWeights : 0];
        // A loop, because the JIT would have to compile Fill<float> first.
        for (int i = 0; i < importance.Length; i++)
            importance[i] = 1;
        byte[] blocks = new byte[ByteCount(TrialWeights)];
        Quantize(weights, TrialWeights, importance, blocks);
        BlockValidation.FindInvalid(this, blocks);
    }

    /// <summary>Whether <see cref="PrepareReading"/> has nothing to do.</summary>
    internal bool IsReadingPrepared => Volatile.Read(ref _isReadingPrepared) != 0;

    /// <summary>Has the runtime compile what checks and reads blocks; once.</summary>
    internal void PrepareReading()
    {
        if (Interlocked.Exchange(ref _isReadingPrepared, 1) != 0)
            return;
        byte[] blocks = new byte[ByteCount(TrialWeights)];
        BlockValidation.FindInvalid(this, blocks);
        Dequantize(blocks, new float[TrialWeights]);
    }

    private static BlockFormat?[] ByNumber()
    {
        BlockFormat?[] formats = new BlockFormat?[(int)s_all[^1].Type + 1];
        foreach (BlockFormat format in s_all)
            formats[(int)format.Type] = format;
        return formats;
    }

    private bool Weighs(bool isWeighed) => Importance == ImatrixSupport.Required || (isWeighed && Importance == ImatrixSupport.Optional);

    /// <summary>The name as llama.cpp prints it.</summary>
    public override string ToString() => Name;

    private class Readable<TFormat> : BlockFormat
        where TFormat : struct, IBlockFormat
    {
        public Readable()
            : base(TFormat.Type, TFormat.Name, TFormat.BlockSize, TFormat.BlockBytes, TFormat.Layout, TFormat.IsQuantized)
        {
        }

        public override void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights)
        {
            long count = blocks.Length / TFormat.BlockBytes;
            if (blocks.Length != count * TFormat.BlockBytes || weights.Length < count * TFormat.BlockSize)
                throw new ArgumentException($"{blocks.Length} bytes are not whole {Name} blocks for {weights.Length} weights.");
            TFormat.Dequantize(blocks, weights);
        }
    }

    private sealed class Quantizable<TFormat> : Readable<TFormat>
        where TFormat : struct, IQuantizableFormat
    {
        public override bool CanQuantize => true;

        public override ImatrixSupport Importance => TFormat.Importance;

        public override void Quantize(
            ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks)
        {
            if (rowLength <= 0 || rowLength % TFormat.BlockSize != 0 || weights.Length % rowLength != 0)
                throw new ArgumentException($"{weights.Length} weights in rows of {rowLength} are not whole {Name} blocks.");
            if (blocks.Length < ByteCount(weights.Length))
                throw new ArgumentException($"{blocks.Length} bytes are too few for {weights.Length} weights in {Name}.");
            if (!importance.IsEmpty && importance.Length != rowLength)
                throw new ArgumentException($"{importance.Length} importance weights were given for rows of {rowLength}.");
            if (importance.IsEmpty && TFormat.Importance == ImatrixSupport.Required)
                throw new ArgumentException($"{Name} cannot be quantized without an importance matrix.");
            TFormat.Quantize(weights, rowLength, importance, blocks);
        }
    }
}
