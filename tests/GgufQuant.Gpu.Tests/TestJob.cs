using System.Buffers;
using System.Runtime.InteropServices;
using GgufQuant.Formats;
using GgufQuant.Pipeline;

namespace GgufQuant.Gpu.Tests;

/// <summary>Jobs for a device, and the processor's bytes for them.</summary>
internal static class TestJob
{
    internal const int RowLength = 1024;
    internal const int Rows = 8;

    /// <summary>A job over Gaussian weights in a device's memory.</summary>
    internal static (QuantizationJob Work, byte[] Expected) Make(
        GgmlType type, float[] importance, int seed, Func<int, IMemoryOwner<byte>> allocate, int rows = Rows)
    {
        float[] weights = WeightData.Make("gaussian", RowLength * rows, seed);
        BlockFormat format = BlockFormat.Of(type);
        byte[] expected = new byte[format.ByteCount(weights.Length)];
        format.Quantize(weights, RowLength, importance, expected);
        Memory<byte> source = allocate(weights.Length * sizeof(float)).Memory[..(weights.Length * sizeof(float))];
        MemoryMarshal.AsBytes<float>(weights).CopyTo(source.Span);
        Memory<byte> destination = allocate(expected.Length).Memory[..expected.Length];
        destination.Span.Clear();
        return (new(GgmlType.F32, type, RowLength, rows, importance, source, destination), expected);
    }
}
