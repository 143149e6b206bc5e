using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace GgufQuant.Formats;

/// <summary>256 two-bit numbers in 64 bytes: in each 128, those 32 apart share a byte, the first lowest.</summary>
internal static class TwoBitLevels
{
    private const int WordsPerHalf = 16;
    private const int WordsApart = 4;

    /// <summary>Packs 256 bytes of 0 to 3.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pack(ReadOnlySpan<byte> levels, Span<byte> packed)
    {
        ReadOnlySpan<ulong> from = MemoryMarshal.Cast<byte, ulong>(levels);
        Span<ulong> to = MemoryMarshal.Cast<byte, ulong>(packed[..64]);
        for (int half = 0; half < 2; half++)
        {
            for (int i = 0; i < WordsApart; i++)
            {
                int at = (half * WordsPerHalf) + i;
                to[(half * WordsApart) + i] = from[at] | (from[at + WordsApart] << 2)
                    | (from[at + (2 * WordsApart)] << 4) | (from[at + (3 * WordsApart)] << 6);
            }
        }
    }
}
