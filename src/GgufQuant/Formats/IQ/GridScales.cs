using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>The 4-bit scales of sub-blocks: code c stands for (2·c + 1)/31 of the greatest.</summary>
internal static class GridScales
{
    /// <summary>The code nearest to a scale.</summary>
    /// <param name="inverse">The factor that maps the greatest scale to 31.</param>
    /// <param name="scale">The scale.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Code(float inverse, float scale) =>
        (uint)Math.Clamp(ScalarMath.NearestInt(0.5f * ((inverse * scale) - 1)), 0, 15);

    /// <summary>Packs two codes per byte.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pack(ReadOnlySpan<float> scales, float inverse, Span<byte> codes)
    {
        for (int s = 0; s < scales.Length; s += 2)
            codes[s / 2] = (byte)(Code(inverse, scales[s]) | (Code(inverse, scales[s + 1]) << 4));
    }
}
