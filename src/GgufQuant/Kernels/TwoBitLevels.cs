using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace GgufQuant.Kernels;

/// <summary>256 numbers of two bits in 64 bytes: of each 128, those 32 apart share a byte, the first lowest.</summary>
internal static class TwoBitLevels
{
    private const int WordsAHalf = 16;
    private const int WordsApart = 4;

    /// <summary>Packs 256 bytes of 0 to 3.</summary>
    public static void Pack(ReadOnlySpan<byte> levels, Span<byte> packed)
    {
        ReadOnlySpan<ulong> from = MemoryMarshal.Cast<byte, ulong>(levels);
        Span<ulong> to = MemoryMarshal.Cast<byte, ulong>(packed[..64]);
        for (int half = 0; half < 2; half++)
        {
            for (int i = 0; i < WordsApart; i++)
            {
                int at = (half * WordsAHalf) + i;
                to[(half * WordsApart) + i] = from[at] | (from[at + WordsApart] << 2)
                    | (from[at + (2 * WordsApart)] << 4) | (from[at + (3 * WordsApart)] << 6);
            }
        }
    }

    /// <summary>Unpacks as many numbers as there are lanes, all of one sub-block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TI Unpack<TF, TI>(ref readonly byte packed, uint first)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TI four = TI.LoadBytes(in Unsafe.Add(ref Unsafe.AsRef(in packed), (first / 128 * 32) + (first % 32)));
        return (four >>> (int)(first / 32 % 4 * 2)) & TI.Broadcast(3);
    }
}
