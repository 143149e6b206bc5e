using GgufQuant.Formats;
using GgufQuant.Reference;
using GgufQuant.Tests.Simd;

namespace GgufQuant.Tests.Formats;

/// <summary>The search of the IQ2 and IQ3 family infers no point that ggml does not choose: of equally good ones, and at every magnitude.</summary>
public class GridQuantizerTests : IClassFixture<LaneWidth>
{
    private const int Rows = 4;
    private const int RowLength = 1024;

    public static TheoryData<GgmlType> Types => [GgmlType.IQ2_XXS, GgmlType.IQ2_XS, GgmlType.IQ2_S, GgmlType.IQ3_XXS, GgmlType.IQ3_S];

    // The same few magnitudes and factors, so that many points cost the same but for the order of the sum.
    [Theory]
    [MemberData(nameof(Types))]
    public void Of_points_that_cost_the_same_ggmls_is_chosen(GgmlType type)
    {
        Skip.UnlessExact(type);
        Random random = new(8);
        float[] importance = [.. Enumerable.Range(0, RowLength).Select(i => i < RowLength / 2 ? 1f : 1 + (i % 2))];
        for (int magnitudes = 2; magnitudes <= 6; magnitudes++)
        {
            float[] weights = [.. Enumerable.Range(0, Rows * RowLength).Select(_ => 0.37f * random.Next(1 - magnitudes, magnitudes))];
            AssertQuantizesAsReference(type, weights, importance, $"{magnitudes} magnitudes");
        }
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void The_points_are_those_of_ggml_at_every_magnitude(GgmlType type)
    {
        Skip.UnlessExact(type);
        float[] weights = WeightData.Make("gaussian", RowLength);
        for (int exponent = -42; exponent <= 40; exponent += 2)
            AssertQuantizesAsReference(type, [.. weights.Select(weight => MathF.ScaleB(weight, exponent))], WeightData.MakeImportance(RowLength), $"times 2^{exponent}");
    }

    private static void AssertQuantizesAsReference(GgmlType type, float[] weights, float[] importance, string description)
    {
        byte[] blocks = new byte[BlockFormat.Of(type).ByteCount(weights.Length)];
        BlockFormat.Of(type).Quantize(weights, RowLength, importance, blocks);
        Assert.True(ReferenceCodec.Quantize(type, weights, RowLength, importance).AsSpan().SequenceEqual(blocks), $"{description} differs.");
    }
}
