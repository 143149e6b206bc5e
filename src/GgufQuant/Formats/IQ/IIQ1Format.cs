using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>IQ1_S and IQ1_M: grid points of -1, 0 and 1, each group shifted up or down.</summary>
internal interface IIQ1Format : ICodebookFormat, IQuantizableFormat
{
    /// <summary>A sub-block whose greatest magnitude is below this counts as zero.</summary>
    static abstract float Negligible { get; }

    /// <summary>Writes super-blocks.</summary>
    /// <param name="batch">What they are quantized to.</param>
    /// <param name="blocks">The blocks, cleared.</param>
    static abstract void Pack<TF, TI>(IQ1Batch batch, Span<byte> blocks)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>;
}

/// <summary>Super-blocks, one per lane, and what they are quantized to.</summary>
/// <param name="weights">The weights.</param>
/// <param name="factors">Their importance.</param>
/// <param name="codes">The code of the point of every eight weights.</param>
/// <param name="shifts">For every eight weights, -1 if the levels are shifted down, else 1.</param>
/// <param name="scales">The scale of each sub-block.</param>
/// <param name="count">How many are to be written.</param>
internal readonly ref struct IQ1Batch(
    ReadOnlySpan<float> weights,
    ReadOnlySpan<float> factors,
    ReadOnlySpan<int> codes,
    ReadOnlySpan<int> shifts,
    ReadOnlySpan<float> scales,
    int count)
{
    public ReadOnlySpan<float> Weights { get; } = weights;

    public ReadOnlySpan<float> Factors { get; } = factors;

    public ReadOnlySpan<int> Codes { get; } = codes;

    public ReadOnlySpan<int> Shifts { get; } = shifts;

    public ReadOnlySpan<float> Scales { get; } = scales;

    public int Count { get; } = count;
}
