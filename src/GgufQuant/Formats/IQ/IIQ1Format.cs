namespace GgufQuant.Formats;

/// <summary>IQ1_S and IQ1_M: grid points of -1, 0 and 1, each group shifted up or down.</summary>
internal interface IIQ1Format : ICodebookFormat, IQuantizableFormat
{
    /// <summary>A sub-block whose greatest magnitude is below this counts as zero.</summary>
    static abstract float Negligible { get; }

    /// <summary>Writes a super-block.</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="factors">Their importance.</param>
    /// <param name="points">The code of the point of every eight weights.</param>
    /// <param name="map">The index of each code.</param>
    /// <param name="shifts">For every eight weights, -1 if the levels are shifted down, else 1.</param>
    /// <param name="scales">The scale of each sub-block.</param>
    /// <param name="block">The block, cleared.</param>
    static abstract void Pack(
        ReadOnlySpan<float> weights,
        ReadOnlySpan<float> factors,
        ReadOnlySpan<int> points,
        ReadOnlySpan<int> map,
        ReadOnlySpan<int> shifts,
        ReadOnlySpan<float> scales,
        Span<byte> block);
}
