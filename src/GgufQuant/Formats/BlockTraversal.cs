using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>Walks the blocks of an <see cref="IBlockCodec"/> in order.</summary>
/// <remarks>
/// Optimized before the first run: these formats run at the speed of memory, and most of a file would be finished before
/// tiered compilation caught up.
/// </remarks>
internal readonly struct BlockTraversal<TFormat> : ILaneQuantizer, ILaneDequantizer
    where TFormat : struct, IBlockCodec
{
    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Quantize<TFloats, TInts>(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks)
        where TFloats : struct, IFloatLanes<TFloats, TInts>
        where TInts : struct, IIntLanes<TInts, TFloats>
    {
        int count = weights.Length / TFormat.BlockSize;
        ref float source = ref MemoryMarshal.GetReference(weights);
        ref byte block = ref MemoryMarshal.GetReference(blocks[..(count * TFormat.BlockBytes)]);
        for (int i = 0; i < count; i++)
        {
            TFormat.QuantizeBlock<TFloats, TInts>(in source, ref block);
            source = ref Unsafe.Add(ref source, TFormat.BlockSize);
            block = ref Unsafe.Add(ref block, TFormat.BlockBytes);
        }
    }

    /// <inheritdoc/>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Dequantize<TFloats, TInts>(ReadOnlySpan<byte> blocks, Span<float> weights)
        where TFloats : struct, IFloatLanes<TFloats, TInts>
        where TInts : struct, IIntLanes<TInts, TFloats>
    {
        int count = blocks.Length / TFormat.BlockBytes;
        ref byte block = ref MemoryMarshal.GetReference(blocks);
        ref float destination = ref MemoryMarshal.GetReference(weights[..(count * TFormat.BlockSize)]);
        for (int i = 0; i < count; i++)
        {
            TFormat.DequantizeBlock<TFloats, TInts>(in block, ref destination);
            block = ref Unsafe.Add(ref block, TFormat.BlockBytes);
            destination = ref Unsafe.Add(ref destination, TFormat.BlockSize);
        }
    }
}
