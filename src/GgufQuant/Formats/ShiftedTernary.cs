namespace GgufQuant.Formats;

/// <summary>The levels of IQ1_S and IQ1_M: -1, 0 or 1, all of a group shifted by an eighth up or down.</summary>
/// <remarks>
/// Levels are given in eighths. That a scale absorbs the eighth changes no bit: both are exact powers of two apart,
/// and no scale of these formats is small enough for an eighth of it to be rounded.
/// </remarks>
internal static class ShiftedTernary
{
    /// <summary>What a scale is multiplied by, as levels are in eighths.</summary>
    public const float Unit = 0.125f;

    /// <summary>The points shifted up.</summary>
    public static ulong[] Up { get; } = Lattice.IQ1.Expand(unchecked((byte)-7), 1, 9);

    /// <summary>The points shifted down.</summary>
    public static ulong[] Down { get; } = Lattice.IQ1.Expand(unchecked((byte)-9), unchecked((byte)-1), 7);
}
