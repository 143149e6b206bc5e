using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>A format whose weights are small signed integers from a lookup table, times a scale.</summary>
internal interface ICodebookFormat : IBlockFormat
{
    /// <summary>Weights that share a scale.</summary>
    static abstract int ScaleRun { get; }

    /// <summary>Unpacks one block.</summary>
    /// <param name="block">The block.</param>
    /// <param name="levels">Receives the integers as signed bytes, eight per word, the first one lowest.</param>
    /// <param name="scales">Receives the scale of each run.</param>
    static abstract void Unpack(ReadOnlySpan<byte> block, Span<ulong> levels, Span<float> scales);
}

/// <summary>Dequantizes the blocks of such a format.</summary>
internal readonly struct CodebookDequantizer<TFormat> : ILaneDequantizer
    where TFormat : struct, ICodebookFormat
{
    [SkipLocalsInit]
    public static void Dequantize<TFloats, TInts>(ReadOnlySpan<byte> blocks, Span<float> weights)
        where TFloats : struct, IFloatLanes<TFloats, TInts>
        where TInts : struct, IIntLanes<TInts, TFloats>
    {
        Span<ulong> levels = stackalloc ulong[TFormat.BlockSize / sizeof(ulong)];
        Span<float> scales = stackalloc float[TFormat.BlockSize / TFormat.ScaleRun];
        ref sbyte level = ref Unsafe.As<ulong, sbyte>(ref MemoryMarshal.GetReference(levels));
        int count = blocks.Length / TFormat.BlockBytes;
        for (int b = 0; b < count; b++)
        {
            TFormat.Unpack(blocks.Slice(b * TFormat.BlockBytes, TFormat.BlockBytes), levels, scales);
            ref float target = ref weights.Slice(b * TFormat.BlockSize, TFormat.BlockSize)[0];
            for (uint i = 0; i < TFormat.BlockSize; i += (uint)TFloats.Count)
            {
                TFloats scale = TFloats.Broadcast(Unsafe.Add(ref scales[0], i / (uint)TFormat.ScaleRun));
                (scale * TInts.ToFloat(TInts.LoadSBytes(in Unsafe.Add(ref level, i)))).Store(ref Unsafe.Add(ref target, i));
            }
        }
    }
}
