using GgufQuant.Formats;
using GgufQuant.Reference;
using GgufQuant.Tests.Simd;

namespace GgufQuant.Tests.Formats;

/// <summary>Every format in the table, against libggml-base: the same bytes out, the same floats back.</summary>
public class BlockFormatTests : IClassFixture<LaneWidth>
{
    private const int RowLength = 1024;
    private const int Rows = 6;

    public static TheoryData<GgmlType> ReadableTypes =>
        [.. BlockFormat.All.Where(format => ReferenceLibrary.Missing is not null || ReferenceCodec.Describe(format.Type).HasToFloat).Select(format => format.Type)];

    public static TheoryData<GgmlType, string> QuantizableTypes => new(
        from format in BlockFormat.All
        where format.CanQuantize
        from name in WeightData.Classes
        where !UnquantizableWeights.Contains(format.Type, name)
        select (format.Type, name));

    public static TheoryData<GgmlType, string> TypesWithoutImportance => new(
        from format in BlockFormat.All
        where format.CanQuantize && format.Importance != ImatrixSupport.Required
        from name in WeightData.Classes
        where !UnquantizableWeights.Contains(format.Type, name)
        select (format.Type, name));

    public static TheoryData<GgmlType, string> ImportanceClasses => new(
        from format in BlockFormat.All
        where format.CanQuantize
        from name in WeightData.ImportanceClasses
        select (format.Type, name));

    public static TheoryData<GgmlType> AllTypes => [.. BlockFormat.All.Select(format => format.Type)];

    [Fact]
    public void Every_type_has_a_format_in_the_order_of_the_types_numbers()
    {
        GgmlType[] types = Enum.GetValues<GgmlType>();
        Assert.Equal(types, BlockFormat.All.Select(format => format.Type));
        Assert.Equal(types, types.Select(type => BlockFormat.Of(type).Type));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(4)]
    [InlineData(1000)]
    public void A_number_that_is_no_type_of_ggml_has_no_format(int number)
    {
        Assert.False(BlockFormat.TryGet((GgmlType)number, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => BlockFormat.Of((GgmlType)number));
    }

    [ReferenceTheory]
    [MemberData(nameof(AllTypes))]
    public void A_format_is_described_as_ggml_describes_it(GgmlType type)
    {
        BlockFormat format = BlockFormat.Of(type);
        (string? name, long blockSize, long blockBytes, bool isQuantized, _) = ReferenceCodec.Describe(type);
        Assert.Equal((name, blockSize, blockBytes, isQuantized), (format.Name, format.BlockSize, format.BlockBytes, format.IsQuantized));
    }

    [ReferenceTheory(ReferenceKind.Exact)]
    [MemberData(nameof(ReadableTypes))]
    public void Random_blocks_read_as_ggml_reads_them(GgmlType type)
    {
        BlockFormat format = BlockFormat.Of(type);
        int weights = RowLength * 64;
        byte[] blocks = new byte[format.ByteCount(weights)];
        new Random(7).NextBytes(blocks);
        float[] expected = new float[weights];
        float[] actual = new float[weights];
        ReferenceCodec.Dequantize(type, blocks, expected);
        format.Dequantize(blocks, actual);
        AssertSameBits(expected, actual);
    }

    [Theory]
    [MemberData(nameof(TypesWithoutImportance))]
    public void Quantized_bytes_are_those_of_ggml(GgmlType type, string data)
    {
        Skip.UnlessExact(type);
        AssertQuantizesAsReference(BlockFormat.Of(type), WeightData.Make(data, RowLength * Rows), importance: []);
    }

    [Theory]
    [MemberData(nameof(QuantizableTypes))]
    public void Quantized_bytes_with_importance_are_those_of_ggml(GgmlType type, string data)
    {
        Skip.UnlessExact(type);
        AssertQuantizesAsReference(
            BlockFormat.Of(type), WeightData.Make(data, RowLength * Rows, seed: 2), WeightData.MakeImportance(RowLength));
    }

    [Theory]
    [MemberData(nameof(ImportanceClasses))]
    public void Quantized_bytes_with_any_importance_are_those_of_ggml(GgmlType type, string importance)
    {
        Skip.UnlessExact(type);
        foreach (string data in new[] { "gaussian", "ties", "sparse-signed-zeros", "one-outlier" })
            AssertQuantizesAsReference(BlockFormat.Of(type), WeightData.Make(data, RowLength * Rows, seed: 3), WeightData.MakeImportance(importance, RowLength));
    }

    [Theory]
    [MemberData(nameof(UnquantizableWeights.All), MemberType = typeof(UnquantizableWeights))]
    public void Weights_on_which_ggml_aborts_are_rejected(GgmlType type, string data)
    {
        BlockFormat format = BlockFormat.Of(type);
        float[] weights = WeightData.Make(data, RowLength * Rows, seed: 2);
        byte[] blocks = new byte[format.ByteCount(weights.Length)];
        float[] importance = format.Importance == ImatrixSupport.Required ? WeightData.MakeImportance(RowLength) : [];
        ArithmeticException thrown = Assert.Throws<ArithmeticException>(
            () => format.Quantize(weights, RowLength, importance, blocks));
        Assert.Contains(format.Name, thrown.Message);
    }

    private static void AssertQuantizesAsReference(BlockFormat format, float[] weights, float[] importance)
    {
        byte[] expected = ReferenceCodec.Quantize(format.Type, weights, RowLength, importance);
        byte[] actual = new byte[expected.Length];
        format.Quantize(weights, RowLength, importance, actual);
        int differing = 0;
        int first = -1;
        for (int i = 0; i < expected.Length; i += format.BlockBytes)
        {
            if (expected.AsSpan(i, format.BlockBytes).SequenceEqual(actual.AsSpan(i, format.BlockBytes)))
                continue;
            differing++;
            first = first < 0 ? i / format.BlockBytes : first;
        }
        Assert.True(
            differing == 0,
            $"{differing} of {expected.Length / format.BlockBytes} blocks differ, the first is {first}:\n"
            + (first < 0 ? "" : $"{Convert.ToHexString(expected.AsSpan(first * format.BlockBytes, format.BlockBytes))}\n{Convert.ToHexString(actual.AsSpan(first * format.BlockBytes, format.BlockBytes))}"));
    }

    private static void AssertSameBits(float[] expected, float[] actual)
    {
        for (int i = 0; i < expected.Length; i++)
        {
            if (float.IsNaN(expected[i]) && float.IsNaN(actual[i]))
                continue;
            Assert.True(
                BitConverter.SingleToInt32Bits(expected[i]) == BitConverter.SingleToInt32Bits(actual[i]),
                $"weight {i}: expected {expected[i]:R}, got {actual[i]:R}");
        }
    }
}
