using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>A format whose block is made and read by itself, with the lanes along the block.</summary>
/// <remarks>Only for arithmetic that has no order: each weight on its own, and extremes.</remarks>
internal interface IBlockCodec : IBlockFormat
{
    /// <summary>Makes one block of <see cref="IBlockFormat.BlockSize"/> weights.</summary>
    static abstract void QuantizeBlock<TFloats, TInts>(ref readonly float weights, ref byte block)
        where TFloats : struct, IFloatLanes<TFloats, TInts>
        where TInts : struct, IIntLanes<TInts, TFloats>;

    /// <summary>Reads one block.</summary>
    static abstract void DequantizeBlock<TFloats, TInts>(ref readonly byte block, ref float weights)
        where TFloats : struct, IFloatLanes<TFloats, TInts>
        where TInts : struct, IIntLanes<TInts, TFloats>;
}
