using GgufQuant.Formats;
using GgufQuant.Reference;
using GgufQuant.Tests.Simd;

namespace GgufQuant.Tests.Formats;

/// <summary>Numbers of blocks that leave lanes over, whatever the width.</summary>
public class TailTests : IClassFixture<LaneWidth>
{
    private const int MostBlocks = 17;

    public static TheoryData<GgmlType> QuantizableTypes =>
        [.. BlockFormat.All.Where(format => format.CanQuantize).Select(format => format.Type)];

    public static TheoryData<GgmlType> ReadableTypes => BlockFormatTests.ReadableTypes;

    [Theory]
    [MemberData(nameof(QuantizableTypes))]
    public void Any_number_of_blocks_and_rows_is_quantized_as_by_ggml(GgmlType type)
    {
        Skip.UnlessExact(type);
        BlockFormat format = BlockFormat.Of(type);
        float[] weights = WeightData.Make("gaussian", MostBlocks * 3 * format.BlockSize);
        float[] importance = WeightData.MakeImportance(MostBlocks * format.BlockSize);
        for (int blocks = 1; blocks <= MostBlocks; blocks++)
        {
            int rowLength = blocks * format.BlockSize;
            int rows = 1 + (blocks % 3);
            ReadOnlySpan<float> source = weights.AsSpan(0, rows * rowLength);
            if (format.Importance != ImatrixSupport.Required)
                AssertQuantizesAsReference(format, source, rowLength, []);
            AssertQuantizesAsReference(format, source, rowLength, importance.AsSpan(0, rowLength));
        }
    }

    [ReferenceTheory(ReferenceKind.Exact)]
    [MemberData(nameof(ReadableTypes))]
    public void Any_number_of_blocks_is_read_as_by_ggml_and_nothing_beyond_is_touched(GgmlType type)
    {
        BlockFormat format = BlockFormat.Of(type);
        byte[] bytes = new byte[MostBlocks * format.BlockBytes];
        new Random(11).NextBytes(bytes);
        for (int blocks = 1; blocks <= MostBlocks; blocks++)
        {
            const int Guard = 64;
            float[] expected = new float[blocks * format.BlockSize];
            float[] actual = new float[expected.Length + Guard];
            actual.AsSpan().Fill(1234);
            ReferenceCodec.Dequantize(type, bytes.AsSpan(0, blocks * format.BlockBytes), expected);
            format.Dequantize(bytes.AsSpan(0, blocks * format.BlockBytes), actual);
            for (int i = 0; i < expected.Length; i++)
                Assert.True(expected[i].Equals(actual[i]), $"{blocks} blocks, weight {i}: expected {expected[i]:R}, got {actual[i]:R}");
            Assert.All(actual[expected.Length..], value => Assert.Equal(1234, value));
        }
    }

    private static void AssertQuantizesAsReference(
        BlockFormat format, ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance)
    {
        const byte Untouched = 0xA5;
        byte[] expected = ReferenceCodec.Quantize(format.Type, weights, rowLength, importance);
        byte[] actual = new byte[expected.Length + 64];
        actual.AsSpan().Fill(Untouched);
        format.Quantize(weights, rowLength, importance, actual);
        Assert.True(
            actual.AsSpan(0, expected.Length).SequenceEqual(expected),
            $"{weights.Length} weights in rows of {rowLength}{(importance.IsEmpty ? "" : " with importance")} differ.");
        Assert.Equal(-1, actual.AsSpan(expected.Length).IndexOfAnyExcept(Untouched));
    }
}
