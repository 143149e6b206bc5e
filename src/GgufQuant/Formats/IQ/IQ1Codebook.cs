using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>The levels of IQ1_S and IQ1_M: -1, 0 or 1, all of a group shifted by an eighth up or down.</summary>
/// <remarks>
/// Levels are given in eighths. Folding the eighth into the scale changes no bit: it is an exact power of two, and no
/// scale of these formats is so small that an eighth of it would round.
/// </remarks>
internal static class IQ1Codebook
{
    /// <summary>ggml's <c>IQ1S_DELTA</c>: the shift, and the factor of a scale, as levels are in eighths.</summary>
    public const float Delta = 0.125f;

    /// <summary>The 2048 points shifted up, then the same shifted down.</summary>
    public static ulong[] Points { get; } =
    [
        .. Grid.IQ1.Expand(unchecked((byte)-7), 1, 9),
        .. Grid.IQ1.Expand(unchecked((byte)-9), unchecked((byte)-1), 7),
    ];

    // A row for shifts up, and one for shifts down.
    private static ReadOnlySpan<float> AllLevels =>
    [
        -0.875f, 0.125f, 1.125f, 0, -0.875f, 0.125f, 1.125f, 0, -0.875f, 0.125f, 1.125f, 0, -0.875f, 0.125f, 1.125f, 0,
        -1.125f, -0.125f, 0.875f, 0, -1.125f, -0.125f, 0.875f, 0, -1.125f, -0.125f, 0.875f, 0, -1.125f, -0.125f, 0.875f, 0,
    ];

    /// <summary>The levels by digit, as a row for the search.</summary>
    /// <param name="shift">-1 for down, 1 for up.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ReadOnlySpan<float> Levels(int shift) => AllLevels.Slice((shift >> 31) & GridSearch<FloatLane, IntLane>.Row, GridSearch<FloatLane, IntLane>.Row);

    /// <summary>The 3-bit code of a sub-block's scale: c stands for (2·c + 1)/15 of the greatest.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int ScaleCode(float inverse, float scale) =>
        Math.Clamp(ScalarMath.NearestInt(0.5f * ((inverse * scale) - 1)), 0, 7);
}
