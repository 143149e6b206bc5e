using System.Runtime.Intrinsics;

namespace GgufQuant.Simd;

/// <summary>Quantization to blocks, written once for lanes of any width.</summary>
internal interface ILaneQuantizer
{
    /// <summary>Quantizes whole rows.</summary>
    /// <param name="weights">A whole number of rows of finite floats.</param>
    /// <param name="rowLength">Weights per row, a multiple of the block.</param>
    /// <param name="importance">One factor per column, used by every row; empty for none.</param>
    /// <param name="blocks">Receives the blocks, row after row.</param>
    static abstract void Quantize<TFloats, TInts>(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks)
        where TFloats : struct, IFloatLanes<TFloats, TInts>
        where TInts : struct, IIntLanes<TInts, TFloats>;
}

/// <summary>Dequantization of blocks, written once for lanes of any width.</summary>
internal interface ILaneDequantizer
{
    /// <summary>Reads whole blocks as floats.</summary>
    /// <param name="blocks">A whole number of blocks, little-endian.</param>
    /// <param name="weights">Receives the floats of every block.</param>
    static abstract void Dequantize<TFloats, TInts>(ReadOnlySpan<byte> blocks, Span<float> weights)
        where TFloats : struct, IFloatLanes<TFloats, TInts>
        where TInts : struct, IIntLanes<TInts, TFloats>;
}

/// <summary>Runs a kernel on the widest lanes the machine has; this is the only place that chooses.</summary>
internal static class WidestLanes
{
    /// <inheritdoc cref="ILaneQuantizer.Quantize"/>
    public static void Quantize<TKernel>(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks)
        where TKernel : struct, ILaneQuantizer
    {
        if (Vector512.IsHardwareAccelerated)
            TKernel.Quantize<FloatLanes512, IntLanes512>(weights, rowLength, importance, blocks);
        else if (Vector256.IsHardwareAccelerated)
            TKernel.Quantize<FloatLanes256, IntLanes256>(weights, rowLength, importance, blocks);
        else if (Vector128.IsHardwareAccelerated)
            TKernel.Quantize<FloatLanes128, IntLanes128>(weights, rowLength, importance, blocks);
        else
            TKernel.Quantize<FloatLane, IntLane>(weights, rowLength, importance, blocks);
    }

    /// <inheritdoc cref="ILaneDequantizer.Dequantize"/>
    public static void Dequantize<TKernel>(ReadOnlySpan<byte> blocks, Span<float> weights)
        where TKernel : struct, ILaneDequantizer
    {
        if (Vector512.IsHardwareAccelerated)
            TKernel.Dequantize<FloatLanes512, IntLanes512>(blocks, weights);
        else if (Vector256.IsHardwareAccelerated)
            TKernel.Dequantize<FloatLanes256, IntLanes256>(blocks, weights);
        else if (Vector128.IsHardwareAccelerated)
            TKernel.Dequantize<FloatLanes128, IntLanes128>(blocks, weights);
        else
            TKernel.Dequantize<FloatLane, IntLane>(blocks, weights);
    }
}
