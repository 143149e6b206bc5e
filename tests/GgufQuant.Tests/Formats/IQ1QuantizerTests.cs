using GgufQuant.Formats;
using GgufQuant.Tests.Simd;

namespace GgufQuant.Tests.Formats;

/// <summary>IQ1's groups off the grid move to the points of ggml, whether or not each weight is nearest to the level it rounds to.</summary>
public class IQ1QuantizerTests : IClassFixture<LaneWidth>
{
    private const int Rows = 8;
    private const int RowLength = ReferenceBlocks.RowLength;
    private const int GroupSize = 8;

    public static TheoryData<GgmlType> Types => [GgmlType.IQ1_S, GgmlType.IQ1_M];

    // The groups of a sub-block have the same boundaries, so where they are shifted apart, some weights have a nearer level.
    [Theory]
    [MemberData(nameof(Types))]
    public void Groups_that_are_shifted_apart_get_the_points_of_ggml(GgmlType type)
    {
        Skip.UnlessExact(type);
        Random random = new(13);
        for (int trial = 0; trial < 20; trial++)
        {
            float spread = 0.1f * random.Next(2, 12);
            float[] weights = Make(random, (_, level) => level + (spread * (random.NextSingle() - 0.5f)));
            ReferenceBlocks.AssertSame(type, weights, MakeImportance(random), $"Trial {trial}");
        }
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Weights_halfway_between_levels_get_the_points_of_ggml(GgmlType type)
    {
        Skip.UnlessExact(type);
        Random random = new(14);
        for (int trial = 0; trial < 20; trial++)
        {
            float[] weights = Make(random, (i, level) => random.Next(1 + (trial % 6)) == 0 ? level + (random.Next(2) == 0 ? 0.5f : -0.5f) : level);
            ReferenceBlocks.AssertSame(type, weights, trial % 2 == 0 ? MakeImportance(random) : [.. Enumerable.Repeat(1f, RowLength)], $"Trial {trial}");
        }
    }

    // The scale that fits best may be negative; the levels then change places.
    [Theory]
    [MemberData(nameof(Types))]
    public void Weights_of_one_sign_get_the_points_of_ggml(GgmlType type)
    {
        Skip.UnlessExact(type);
        Random random = new(15);
        for (int trial = 0; trial < 20; trial++)
        {
            float spread = MathF.ScaleB(1, -random.Next(6));
            float[] weights = Make(random, (i, _) => (i / 32 % 2 == 0 ? -1 : 1) * (1 - (spread * random.NextSingle())));
            ReferenceBlocks.AssertSame(type, weights, MakeImportance(random), $"Trial {trial}");
        }
    }

    // Each group has levels that are shifted up or down, and the weights are made from them; all 32 weights have a scale.
    private static float[] Make(Random random, Func<int, float, float> weightOf)
    {
        float[] weights = new float[Rows * RowLength];
        float scale = 1;
        float shift = 0;
        for (int i = 0; i < weights.Length; i++)
        {
            if (i % 32 == 0)
                scale = MathF.Exp(random.NextSingle());
            if (i % GroupSize == 0)
                shift = random.Next(2) == 0 ? -IQ1Codebook.Delta : IQ1Codebook.Delta;
            weights[i] = scale * weightOf(i, random.Next(-1, 2) + shift);
        }
        return weights;
    }

    // From one to a thousand, so that a few weights decide.
    private static float[] MakeImportance(Random random) => [.. Enumerable.Range(0, RowLength).Select(_ => MathF.Exp(7 * random.NextSingle()))];
}
