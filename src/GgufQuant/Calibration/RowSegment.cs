namespace GgufQuant.Calibration;

/// <summary>The columns of a row that share one scale search, while they are rounded.</summary>
internal readonly ref struct RowSegment
{
    /// <summary>Its first column in the factor.</summary>
    public required int First { get; init; }

    /// <summary>The factor of the columns' moments.</summary>
    public required FeedbackFactor Factor { get; init; }

    /// <summary>The row's weights in it.</summary>
    public required ReadOnlySpan<float> Weights { get; init; }

    /// <summary>The value at which each column compensates for earlier errors; used by error feedback.</summary>
    public required Span<float> Targets { get; init; }

    /// <summary>H e of each column, where e is the error of the whole row; used by coordinate descent.</summary>
    public required Span<float> Residuals { get; init; }

    /// <summary>The values of the codes.</summary>
    public required Span<float> Values { get; init; }

    /// <summary>The codes: one per column, or for a grid one per group, at the group's first column.</summary>
    public required Span<ushort> Codes { get; init; }

    /// <summary>Receives the columns' errors: first all of them, then only changes.</summary>
    public required Span<float> Changes { get; init; }

    /// <summary>The blocks, whose scales are already chosen.</summary>
    public required Span<byte> Blocks { get; init; }

    /// <summary>Columns.</summary>
    public int Length => Weights.Length;

    /// <summary>The moments of a column with those of the segment.</summary>
    public ReadOnlySpan<float> MomentsOf(int column) =>
        Factor.Moments.AsSpan(((First + column) * Factor.Size) + First, Length);

    /// <summary>The coefficients by which later columns of the segment compensate for an error in a column.</summary>
    public ReadOnlySpan<float> CoefficientsOf(int column) =>
        Factor.Coefficients.AsSpan(((First + column) * Factor.Size) + First, Length);
}
