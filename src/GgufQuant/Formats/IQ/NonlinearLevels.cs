using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>The sixteen levels of IQ4_NL and IQ4_XS, finer near zero.</summary>
/// <remarks>ggml's <c>kvalues_iq4nl</c> and <c>best_index_int8</c>.</remarks>
internal static class NonlinearLevels
{
    private static readonly float[] s_values = [.. Values];

    // The midpoints between levels in the order of a binary search: the children of n are 2n and 2n + 1, the root is 1.
    private static readonly float[] s_midpoints = MakeMidpoints();

    /// <summary>The levels, ascending.</summary>
    public static ReadOnlySpan<sbyte> Values => [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    /// <summary>Looks up 32 levels: the low nibbles of 16 bytes, then the high nibbles.</summary>
    public static void Unpack(ReadOnlySpan<byte> codes, Span<ulong> levels)
    {
        Vector128<sbyte> values = Vector128.LoadUnsafe(ref MemoryMarshal.GetReference(Values));
        Vector128<byte> pairs = Vector128.Create(codes[..16]);
        ref sbyte target = ref Unsafe.As<ulong, sbyte>(ref levels[..4][0]);
        Vector128.Shuffle(values, (pairs & Vector128.Create((byte)15)).AsSByte()).StoreUnsafe(ref target);
        Vector128.Shuffle(values, (pairs >>> 4).AsSByte()).StoreUnsafe(ref target, 16);
    }

    /// <summary>The code of the nearest level, in the low four bits.</summary>
    /// <remarks>
    /// ggml's <c>best_index_int8</c>: the upper level from the midpoint on, and the last one for NaN. Near the midpoints,
    /// they and the differences ggml compares are exact, so comparing with the midpoint gives the same result.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TI Code<TF, TI>(TF value)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TI one = TI.Broadcast(1);
        TI node = TI.Broadcast(3) + TF.GreaterThan(TF.Broadcast(s_midpoints[1]), value);
        for (int depth = 1; depth < 4; depth++)
            node = node + node + one + TF.GreaterThan(TF.Lookup16(in s_midpoints[0], node), value);
        return node;
    }

    /// <summary>The nearest level.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TF Level<TF, TI>(TF value)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF> =>
        TF.Lookup16(in s_values[0], Code<TF, TI>(value));

    /// <summary>Writes the codes of 32 weights: the first sixteen below the last sixteen.</summary>
    /// <param name="weights">The weights.</param>
    /// <param name="inverse">The factor of the weights.</param>
    /// <param name="codes">Receives 16 bytes.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Pack<TF, TI>(ReadOnlySpan<float> weights, float inverse, Span<byte> codes)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TF factor = TF.Broadcast(inverse);
        TI lowBits = TI.Broadcast(15);
        for (int i = 0; i < 16; i += TF.Count)
        {
            TI low = Code<TF, TI>(factor * TF.Load(in weights[i])) & lowBits;
            TI high = Code<TF, TI>(factor * TF.Load(in weights[16 + i])) & lowBits;
            (low | (high << 4)).StoreBytes(ref codes[i]);
        }
    }

    private static float[] MakeMidpoints()
    {
        float[] midpoints = new float[16];
        for (int node = 1; node < 16; node++)
        {
            int depth = BitOperations.Log2((uint)node);
            int upper = ((2 * (node - (1 << depth))) + 1) << (3 - depth);
            midpoints[node] = (Values[upper - 1] + Values[upper]) / 2f;
        }
        return midpoints;
    }
}
