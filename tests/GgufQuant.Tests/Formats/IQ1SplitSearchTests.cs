using GgufQuant.Formats;
using GgufQuant.Tests.Simd;

namespace GgufQuant.Tests.Formats;

/// <summary>The split of IQ1's sorted weights is the one that ggml keeps, of equally good ones and at every magnitude.</summary>
public class IQ1SplitSearchTests : IClassFixture<LaneWidth>
{
    private const int Rows = 4;
    private const int RowLength = ReferenceBlocks.RowLength;

    public static TheoryData<GgmlType> Types => [GgmlType.IQ1_S, GgmlType.IQ1_M];

    [Theory]
    [MemberData(nameof(Types))]
    public void Of_splits_that_score_the_same_ggmls_is_chosen(GgmlType type)
    {
        Skip.UnlessExact(type);
        ReferenceBlocks.AssertTiesAreSame(type, Rows, 5);
    }

    // One weight of each sub-block outweighs the others by up to eight orders of magnitude, and factors by as much.
    [Theory]
    [MemberData(nameof(Types))]
    public void A_split_among_extremes_is_ggmls(GgmlType type)
    {
        Skip.UnlessExact(type);
        Random random = new(6);
        float[] importance = [.. Enumerable.Range(0, RowLength).Select(_ => MathF.Pow(10, random.Next(-4, 5)))];
        float[] weights = [.. WeightData.Make("gaussian", Rows * RowLength).Select((weight, i) => i % 16 == i / 16 % 16 ? weight * MathF.Pow(10, random.Next(0, 9)) : weight)];
        ReferenceBlocks.AssertSame(type, weights, importance, "Extremes");
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void The_splits_are_those_of_ggml_at_every_magnitude(GgmlType type)
    {
        Skip.UnlessExact(type);
        float[] weights = WeightData.Make("gaussian", RowLength);
        for (int exponent = -24; exponent <= 24; exponent += 2)
            ReferenceBlocks.AssertSame(type, [.. weights.Select(weight => MathF.ScaleB(weight, exponent))], WeightData.MakeImportance(RowLength), $"times 2^{exponent}");
    }
}
