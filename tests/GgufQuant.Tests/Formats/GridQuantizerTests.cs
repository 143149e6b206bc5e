using GgufQuant.Formats;
using GgufQuant.Tests.Simd;

namespace GgufQuant.Tests.Formats;

/// <summary>The search of the IQ2 and IQ3 family infers no point that ggml does not choose: of equally good ones, and at every magnitude.</summary>
public class GridQuantizerTests : IClassFixture<LaneWidth>
{
    private const int Rows = 4;
    private const int RowLength = ReferenceBlocks.RowLength;

    public static TheoryData<GgmlType> Types => [GgmlType.IQ2_XXS, GgmlType.IQ2_XS, GgmlType.IQ2_S, GgmlType.IQ3_XXS, GgmlType.IQ3_S];

    [Theory]
    [MemberData(nameof(Types))]
    public void Of_points_that_cost_the_same_ggmls_is_chosen(GgmlType type)
    {
        Skip.UnlessExact(type);
        ReferenceBlocks.AssertTiesAreSame(type, Rows, 8);
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void The_points_are_those_of_ggml_at_every_magnitude(GgmlType type)
    {
        Skip.UnlessExact(type);
        float[] weights = WeightData.Make("gaussian", RowLength);
        for (int exponent = -42; exponent <= 40; exponent += 2)
            ReferenceBlocks.AssertSame(type, [.. weights.Select(weight => MathF.ScaleB(weight, exponent))], WeightData.MakeImportance(RowLength), $"times 2^{exponent}");
    }

    // A level that the greatest weight passes at a candidate scale, and others as close to where they round up.
    [Theory]
    [MemberData(nameof(Types))]
    public void Weights_that_lie_where_their_rounding_changes_get_the_points_of_ggml(GgmlType type)
    {
        Skip.UnlessExact(type);
        Random random = new(16);
        for (int trial = 0; trial < 20; trial++)
        {
            float[] weights = new float[Rows * RowLength];
            for (int i = 0; i < weights.Length; i++)
            {
                // In units of a scale under which the greatest weight, 5 or 15, is at its level; the others are at 2, 4, 6...
                int tenths = i % 16 == 0 ? 50 * (type is GgmlType.IQ3_XXS or GgmlType.IQ3_S ? 3 : 1) : 20 * random.Next(0, 8);
                float weight = tenths / (50f + random.Next(-9, 10));
                weights[i] = (random.Next(2) == 0 ? -1 : 1) * MathF.ScaleB(MathF.BitIncrement(weight), random.Next(4) == 0 ? 0 : -1);
            }
            ReferenceBlocks.AssertSame(type, weights, WeightData.MakeImportance(RowLength), $"trial {trial}");
        }
    }

    // Moved to a point under one scale and rounded to it under the next, a group has the same sums; ggml may keep the later one for how it rounds.
    [Theory]
    [MemberData(nameof(Types))]
    public void Of_equal_tries_ggmls_is_fitted_again(GgmlType type)
    {
        Skip.UnlessExact(type);
        for (int seed = 0; seed < 12; seed++)
        {
            Random random = new(seed);
            float[] importance = [.. Enumerable.Range(0, RowLength).Select(_ => (float)Math.Exp(12 * (random.NextDouble() - 0.5)))];
            float[] weights = [.. Enumerable.Range(0, 16 * RowLength).Select(_ => random.Next(3) == 0 ? 0 : 0.25f * random.Next(-6, 7))];
            ReferenceBlocks.AssertSame(type, weights, importance, $"seed {seed}");
        }
    }
}
