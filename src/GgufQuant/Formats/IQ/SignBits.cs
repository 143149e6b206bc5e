using System.Numerics;

namespace GgufQuant.Formats;

/// <summary>The signs of eight weights: a bit each, set if the weight is negative.</summary>
/// <remarks>ggml's <c>ksigns_iq2xs</c> and <c>kmask_iq2xs</c>.</remarks>
internal static class SignBits
{
    private const ulong LowBits = 0x0101010101010101;

    private static readonly ulong[] s_masks = [.. Enumerable.Range(0, 256).Select(SpreadBits)];

    /// <summary>All eight signs from seven: the eighth makes the number of set bits even.</summary>
    public static int FromSeven(int signs) => signs | ((BitOperations.PopCount((uint)signs) & 1) << 7);

    /// <summary>Negates the bytes whose sign bit is set; none of them may be 0.</summary>
    public static ulong Apply(ulong bytes, int signs)
    {
        // Two's complement of the chosen bytes; a byte above 0 cannot carry into the next.
        ulong mask = s_masks[signs];
        return (bytes ^ mask) + (mask & LowBits);
    }

    private static ulong SpreadBits(int signs)
    {
        ulong mask = 0;
        for (int i = 0; i < 8; i++)
            mask |= (ulong)((signs >> i) & 1) * 0xFF << (8 * i);
        return mask;
    }
}
