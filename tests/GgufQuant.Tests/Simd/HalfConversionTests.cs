using System.Runtime.InteropServices;
using GgufQuant.Formats;
using GgufQuant.Reference;
using GgufQuant.Simd;

namespace GgufQuant.Tests.Simd;

/// <summary>Half precision against ggml: every half there is, and every float near a half, a tie or an end of the range.</summary>
public class HalfConversionTests
{
    [ReferenceTheory(ReferenceKind.Exact)]
    [InlineData(GgmlType.F16)]
    [InlineData(GgmlType.BF16)]
    public void Every_16_bit_float_widens_as_in_ggml(GgmlType type)
    {
        ushort[] halves = [.. Enumerable.Range(0, 1 << 16).Select(bits => (ushort)bits)];
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes<ushort>(halves);
        float[] expected = new float[halves.Length];
        float[] actual = new float[halves.Length];
        ReferenceCodec.Dequantize(type, bytes, expected);
        BlockFormat.Of(type).Dequantize(bytes, actual);
        Assert.Equal(MemoryMarshal.Cast<float, int>(expected), MemoryMarshal.Cast<float, int>(actual));
    }

    [ReferenceTheory(ReferenceKind.Exact)]
    [InlineData(GgmlType.F16)]
    [InlineData(GgmlType.BF16)]
    public void Floats_narrow_as_in_ggml(GgmlType type)
    {
        // Every upper half of a float's bits, each with lower halves around the ties of both formats.
        ReadOnlySpan<int> lowerHalves = [0, 1, 0x0FFF, 0x1000, 0x1001, 0x3000, 0x7FFF, 0x8000, 0x8001, 0xFFFF];
        int[] bits = new int[(1 << 16) * lowerHalves.Length];
        for (int i = 0; i < bits.Length; i++)
            bits[i] = ((i / lowerHalves.Length) << 16) | lowerHalves[i % lowerHalves.Length];
        ReadOnlySpan<float> floats = MemoryMarshal.Cast<int, float>(bits);
        byte[] expected = ReferenceCodec.Quantize(type, floats, floats.Length, []);
        byte[] actual = new byte[expected.Length];
        BlockFormat.Of(type).Quantize(floats, floats.Length, [], actual);
        Assert.Equal(expected, actual);
    }

    [Fact]
    public void One_float_converts_as_many_do()
    {
        for (int half = 0; half <= ushort.MaxValue; half++)
        {
            float widened = HalfConversion.Widen((ushort)half);
            if (!float.IsNaN(widened))
                Assert.Equal((ushort)half, HalfConversion.Narrow(widened));
            Assert.Equal(float.IsNaN((float)BitConverter.UInt16BitsToHalf((ushort)half)), float.IsNaN(widened));
        }
    }
}
