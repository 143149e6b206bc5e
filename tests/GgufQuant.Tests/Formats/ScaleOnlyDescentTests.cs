using GgufQuant.Formats;
using GgufQuant.Tests.Simd;

namespace GgufQuant.Tests.Formats;

/// <summary>The descent of Q3_K passes over no level that ggml changes: at every magnitude, to where sums overflow or vanish.</summary>
public class ScaleOnlyDescentTests : IClassFixture<LaneWidth>
{
    private const int Rows = 4;
    private const int RowLength = ReferenceBlocks.RowLength;

    public static TheoryData<string> Shapes => ["gaussian", "ties", "small-integers", "heavy-tail", "positive", "one-outlier"];

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Levels_are_those_of_ggml_at_every_magnitude(string shape)
    {
        Skip.UnlessExact(GgmlType.Q3_K);
        float[] weights = WeightData.Make(shape, Rows * RowLength);
        float[] scaled = new float[weights.Length];
        for (int exponent = -60; exponent <= 114; exponent++)
        {
            for (int i = 0; i < weights.Length; i++)
                scaled[i] = MathF.ScaleB(i % 3 == 0 ? -weights[i] : weights[i], exponent);
            ReferenceBlocks.AssertSame(GgmlType.Q3_K, scaled, [], $"{shape} times 2^{exponent}");
        }
    }

    // The dominating weight leaves divisors far smaller than the dividends, down to zero.
    [Fact]
    public void Levels_are_those_of_ggml_if_one_weight_dominates_a_sub_block()
    {
        Skip.UnlessExact(GgmlType.Q3_K);
        Random random = new(5);
        float[] weights = new float[64 * RowLength];
        for (int i = 0; i < weights.Length; i++)
        {
            double magnitude = i % 16 == i / 16 % 16 ? 1 : Math.Pow(10, -8 * random.NextDouble());
            weights[i] = (float)(random.Next(4) == 0 ? magnitude : -magnitude);
        }
        foreach (float scale in (ReadOnlySpan<float>)[1, 1e-9f, 1e-10f, 1e12f, 1e15f, 1e38f])
        {
            float[] scaled = [.. weights.Select(weight => weight * scale)];
            ReferenceBlocks.AssertSame(GgmlType.Q3_K, scaled, [], $"Times {scale}");
        }
    }

    // Around them, the squares that ggml compares begin to vanish and to overflow; beyond them, nothing moves.
    [Theory]
    [InlineData(-7.5, -5.5)]
    [InlineData(5, 8)]
    [InlineData(-3, 3)]
    public void Levels_are_those_of_ggml_where_levels_cease_to_move(double lowest, double highest)
    {
        Skip.UnlessExact(GgmlType.Q3_K);
        Random random = new(6);
        float[] weights = new float[256 * RowLength];
        for (int i = 0; i < weights.Length; i += 256)
        {
            double magnitude = Math.Pow(10, lowest + ((highest - lowest) * random.NextDouble()));
            double spread = 4 * random.NextDouble();
            for (int j = 0; j < 256; j++)
                weights[i + j] = (float)(magnitude * Math.Pow(10, -spread * random.NextDouble()) * (random.Next(3) == 0 ? 1 : -1));
        }
        ReferenceBlocks.AssertSame(GgmlType.Q3_K, weights, [], $"10^{lowest} to 10^{highest}");
    }

    // All weights but a few are multiples of one number; those few lie on and around the points between two multiples.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Levels_are_those_of_ggml_if_weights_lie_between_two_levels(int between)
    {
        Skip.UnlessExact(GgmlType.Q3_K);
        Random random = new(7);
        float[] weights = new float[256 * RowLength];
        for (int i = 0; i < weights.Length; i += 16)
        {
            float unit = MathF.ScaleB((float)(1 + random.NextDouble()), random.Next(-16, 16));
            Span<float> subBlock = weights.AsSpan(i, 16);
            int largest = random.Next(1, 4);
            foreach (ref float weight in subBlock)
                weight = unit * random.Next(-largest, largest + 1);
            for (int j = 0; j < between; j++)
                subBlock[random.Next(16)] = Around(unit * (random.Next(-4, 4) + 0.5f), random);
            subBlock[random.Next(16)] = -4 * unit;
        }
        ReferenceBlocks.AssertSame(GgmlType.Q3_K, weights, [], $"{between} between two levels");
    }

    // A few floats beside it, or a part in a thousand, which is what the descent leaves to its quotients.
    private static float Around(float value, Random random)
    {
        if (random.Next(2) == 0)
            return value * (1 + (2e-3f * ((float)random.NextDouble() - 0.5f)));
        for (int steps = random.Next(8); steps > 0; steps--)
            value = MathF.BitIncrement(value);
        return value;
    }
}
