using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace GgufQuant.Formats;

/// <summary>The sixteen levels of IQ4_NL and IQ4_XS, finer near zero.</summary>
internal static class NonlinearLevels
{
    /// <summary>The levels, ascending.</summary>
    public static ReadOnlySpan<sbyte> Values => [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    /// <summary>Looks 32 levels up: the low halves of 16 bytes, then the high halves.</summary>
    public static void Unpack(ReadOnlySpan<byte> codes, Span<ulong> levels)
    {
        Vector128<sbyte> values = Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(Values));
        Vector128<byte> pairs = Vector128.Create(codes[..16]);
        ref sbyte target = ref Unsafe.As<ulong, sbyte>(ref levels[..4][0]);
        Vector128.Shuffle(values, (pairs & Vector128.Create((byte)15)).AsSByte()).StoreUnsafe(ref target);
        Vector128.Shuffle(values, (pairs >>> 4).AsSByte()).StoreUnsafe(ref target, 16);
    }
}
