using System.Runtime.Intrinsics;

namespace GgufQuant.Kernels;

/// <summary>A way to make blocks from floats, written once for lanes of any width.</summary>
internal interface ILaneQuantizer
{
    /// <inheritdoc cref="Formats.IQuantizableFormat.Quantize"/>
    static abstract void Quantize<TFloats, TInts>(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks)
        where TFloats : struct, IFloatLanes<TFloats, TInts>
        where TInts : struct, IIntLanes<TInts, TFloats>;
}

/// <summary>A way to read blocks as floats, written once for lanes of any width.</summary>
internal interface ILaneDequantizer
{
    /// <inheritdoc cref="Formats.IBlockFormat.Dequantize"/>
    static abstract void Dequantize<TFloats, TInts>(ReadOnlySpan<byte> blocks, Span<float> weights)
        where TFloats : struct, IFloatLanes<TFloats, TInts>
        where TInts : struct, IIntLanes<TInts, TFloats>;
}

/// <summary>Runs a kernel on the widest lanes the machine has: the one place that chooses.</summary>
internal static class WidestLanes
{
    /// <inheritdoc cref="Formats.IQuantizableFormat.Quantize"/>
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

    /// <inheritdoc cref="Formats.IBlockFormat.Dequantize"/>
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
