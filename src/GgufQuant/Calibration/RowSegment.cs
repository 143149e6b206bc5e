namespace GgufQuant.Calibration;

/// <summary>The columns of a row that one search for scales covers, while they are rounded.</summary>
internal readonly ref struct RowSegment
{
    /// <summary>Its first column in the factor.</summary>
    public required int First { get; init; }

    /// <summary>The factor of the columns' moments.</summary>
    public required FeedbackFactor Factor { get; init; }

    /// <summary>The row's weights in it.</summary>
    public required ReadOnlySpan<float> Weights { get; init; }

    /// <summary>What each column should become to compensate for earlier errors; used while errors are fed forward.</summary>
    public required Span<float> Targets { get; init; }

    /// <summary>H e of each column, e being the error of the whole row; used while codes are improved.</summary>
    public required Span<float> Residuals { get; init; }

    /// <summary>The values that the codes stand for.</summary>
    public required Span<float> Values { get; init; }

    /// <summary>The codes, one per column; for a grid, one per group, at its first column.</summary>
    public required Span<ushort> Codes { get; init; }

    /// <summary>Takes what the columns add to the errors: all of it at first, then what has changed.</summary>
    public required Span<float> Changes { get; init; }

    /// <summary>The blocks, whose scales are fixed.</summary>
    public required Span<byte> Blocks { get; init; }

    /// <summary>Columns.</summary>
    public int Length => Weights.Length;

    /// <summary>The moments of a column with those of the segment.</summary>
    public ReadOnlySpan<float> MomentsOf(int column) =>
        Factor.Moments.AsSpan(((First + column) * Factor.Size) + First, Length);

    /// <summary>The factors that compensate an error in a column in each later column of the segment.</summary>
    public ReadOnlySpan<float> CoefficientsOf(int column) =>
        Factor.Coefficients.AsSpan(((First + column) * Factor.Size) + First, Length);
}
