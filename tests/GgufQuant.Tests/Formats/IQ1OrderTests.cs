using GgufQuant.Formats;
using GgufQuant.Tests.Simd;

namespace GgufQuant.Tests.Formats;

/// <summary>IQ1's weights are sorted, and their splits compared, as ggml does where weights or splits nearly tie.</summary>
public class IQ1OrderTests : IClassFixture<LaneWidth>
{
    private const int RowLength = ReferenceBlocks.RowLength;

    public static TheoryData<GgmlType> Types => [GgmlType.IQ1_S, GgmlType.IQ1_M];

    // The keys that sort the weights leave out up to five bits. Zeros of both signs are equal.
    [Theory]
    [MemberData(nameof(Types))]
    public void Weights_that_differ_in_their_last_bits_are_sorted_as_in_ggml(GgmlType type)
    {
        Skip.UnlessExact(type);
        Random random = new(7);
        for (int bits = 1; bits <= 7; bits++)
        {
            float[] weights = [.. Enumerable.Range(0, 4 * RowLength).Select(_ => random.Next(8) switch
            {
                0 => 0f,
                1 => -0f,
                2 => BitConverter.Int32BitsToSingle(random.Next(1 << bits)),
                _ => (random.Next(2) == 0 ? 1 : -1) * BitConverter.Int32BitsToSingle((random.Next(126, 128) << 23) + random.Next(1 << bits)),
            })];
            ReferenceBlocks.AssertSame(type, weights, WeightData.MakeImportance(RowLength), $"{bits} bits");
        }
    }

    // Splits score the same but for a perturbation, from what floats cannot tell to well beyond the margin of the search.
    [Theory]
    [MemberData(nameof(Types))]
    public void Of_splits_that_score_nearly_the_same_ggmls_is_chosen(GgmlType type)
    {
        Skip.UnlessExact(type);
        Random random = new(8);
        float[] ones = [.. Enumerable.Repeat(1f, RowLength)];
        for (int exponent = -26; exponent <= -8; exponent++)
        {
            float[] weights = [.. Enumerable.Range(0, 4 * RowLength).Select(_ =>
                0.37f * random.Next(-3, 4) * (1 + MathF.ScaleB((float)random.NextDouble() - 0.5f, exponent)))];
            ReferenceBlocks.AssertSame(type, weights, ones, $"2^{exponent}");
        }
    }

    // The products of splits are then small beside the sum of magnitudes, or their squares beside that of the factors.
    [Theory]
    [MemberData(nameof(Types))]
    public void A_split_of_one_sign_or_of_few_important_weights_is_ggmls(GgmlType type)
    {
        Skip.UnlessExact(type);
        Random random = new(9);
        float[] spread = [.. Enumerable.Range(0, RowLength).Select(_ => MathF.Pow(10, (float)(random.NextDouble() * 12) - 6))];
        float[] gaussian = WeightData.Make("gaussian", 4 * RowLength);
        ReferenceBlocks.AssertSame(type, [.. gaussian.Select(weight => -MathF.Abs(weight))], spread, "Negative");
        ReferenceBlocks.AssertSame(type, [.. gaussian.Select(weight => 1 + (0.01f * weight))], spread, "Positive");
        ReferenceBlocks.AssertSame(type, [.. gaussian.Select((weight, i) => weight / MathF.Sqrt(spread[i % RowLength]))], spread, "Opposed");
        ReferenceBlocks.AssertSame(type, [.. gaussian.Select((weight, i) => i % 16 == 3 ? 1e4f * weight : weight)], spread, "Outliers");
    }
}
