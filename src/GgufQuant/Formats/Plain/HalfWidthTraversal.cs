using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>Walks rows of 16-bit floats; the last few weights go one by one.</summary>
/// <remarks>
/// Optimized before the first run: these formats run at the speed of memory, and most of a file would be finished before
/// tiered compilation caught up.
/// </remarks>
internal readonly struct HalfWidthTraversal<TFormat> : ILaneQuantizer, ILaneDequantizer
    where TFormat : struct, IHalfWidthFloat
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Quantize<TFloats, TInts>(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks)
        where TFloats : struct, IFloatLanes<TFloats, TInts>
        where TInts : struct, IIntLanes<TInts, TFloats>
    {
        ref float source = ref MemoryMarshal.GetReference(weights);
        ref ushort words = ref MemoryMarshal.GetReference(MemoryMarshal.Cast<byte, ushort>(blocks)[..weights.Length]);
        int i = 0;
        for (; i <= weights.Length - TFloats.Count; i += TFloats.Count)
            TFormat.Narrow<TFloats, TInts>(TFloats.Load(in Unsafe.Add(ref source, i))).StoreUInt16(ref Unsafe.Add(ref words, i));
        for (; i < weights.Length; i++)
            TFormat.Narrow<FloatLane, IntLane>(new(Unsafe.Add(ref source, i))).StoreUInt16(ref Unsafe.Add(ref words, i));
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Dequantize<TFloats, TInts>(ReadOnlySpan<byte> blocks, Span<float> weights)
        where TFloats : struct, IFloatLanes<TFloats, TInts>
        where TInts : struct, IIntLanes<TInts, TFloats>
    {
        int count = blocks.Length / sizeof(ushort);
        ref ushort words = ref Unsafe.As<byte, ushort>(ref MemoryMarshal.GetReference(blocks));
        ref float destination = ref MemoryMarshal.GetReference(weights[..count]);
        int i = 0;
        for (; i <= count - TFloats.Count; i += TFloats.Count)
            TFormat.Widen<TFloats, TInts>(TInts.LoadUInt16(in Unsafe.Add(ref words, i))).Store(ref Unsafe.Add(ref destination, i));
        for (; i < count; i++)
            TFormat.Widen<FloatLane, IntLane>(new(Unsafe.Add(ref words, i))).Store(ref Unsafe.Add(ref destination, i));
    }
}
