using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>A format whose blocks are independent of each other, with the lanes along the block.</summary>
/// <remarks>Only for order-independent arithmetic: per-weight operations and extremes.</remarks>
internal interface IBlockCodec : IBlockFormat
{
    /// <summary>Quantizes one block of <see cref="IBlockFormat.BlockSize"/> weights.</summary>
    static abstract void QuantizeBlock<TFloats, TInts>(ref readonly float weights, ref byte block)
        where TFloats : struct, IFloatLanes<TFloats, TInts>
        where TInts : struct, IIntLanes<TInts, TFloats>;

    /// <summary>Dequantizes one block.</summary>
    static abstract void DequantizeBlock<TFloats, TInts>(ref readonly byte block, ref float weights)
        where TFloats : struct, IFloatLanes<TFloats, TInts>
        where TInts : struct, IIntLanes<TInts, TFloats>;
}
