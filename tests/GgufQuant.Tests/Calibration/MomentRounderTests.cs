using GgufQuant.Calibration;
using GgufQuant.Formats;
using GgufQuant.Reference;
using GgufQuant.Tests.Simd;

namespace GgufQuant.Tests.Calibration;

/// <summary>Rounding with moments: products with the inputs change less than with ggml's own codes, in ordinary blocks.</summary>
public class MomentRounderTests : IClassFixture<LaneWidth>
{
    private const int Columns = 512;
    private const int Rows = 40;

    private static readonly RoundingFactor s_factor = RoundingFactor.Create(CorrelatedInputs.Moments(Columns, Columns), 2, default);

    /// <summary>The types, and the share of the error of ggml's codes that may be left.</summary>
    public static TheoryData<GgmlType, double> Types => new()
    {
        { GgmlType.Q2_K, 0.50 },
        { GgmlType.Q3_K, 0.45 },
        { GgmlType.Q4_K, 0.45 },
        { GgmlType.Q5_K, 0.45 },
        { GgmlType.Q6_K, 0.45 },
        { GgmlType.Q4_0, 0.45 },
        { GgmlType.Q4_1, 0.45 },
        { GgmlType.Q5_0, 0.45 },
        { GgmlType.Q5_1, 0.45 },
        { GgmlType.IQ4_NL, 0.45 },
        { GgmlType.IQ4_XS, 0.45 },
        { GgmlType.IQ2_S, 0.45 },
        { GgmlType.IQ3_S, 0.45 },
    };

    [Theory]
    [MemberData(nameof(Types))]
    public void The_error_in_the_products_falls(GgmlType type, double most)
    {
        float[] weights = WeightData.Make("gaussian", Columns * Rows);
        BlockFormat format = BlockFormat.Of(type);
        byte[] plain = new byte[format.ByteCount(weights.Length)];
        format.Quantize(weights, Columns, s_factor.Importance, plain);
        double share = ErrorOf(format, weights, Round(type, weights)) / ErrorOf(format, weights, plain);
        Assert.True(share < most, $"{format}: {share:F3} of the error is left.");
    }

    [ReferenceTheory]
    [MemberData(nameof(Types))]
    public void The_blocks_read_as_ggml_reads_them(GgmlType type, double _)
    {
        byte[] blocks = Round(type, WeightData.Make("heavy-tail", Columns * Rows));
        float[] expected = new float[Columns * Rows];
        float[] actual = new float[expected.Length];
        ReferenceCodec.Dequantize(type, blocks, expected);
        BlockFormat.Of(type).Dequantize(blocks, actual);
        Assert.Equal(expected, actual);
        Assert.Equal(-1, BlockValidation.FindInvalid(BlockFormat.Of(type), blocks));
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void A_row_becomes_the_same_whatever_is_rounded_with_it(GgmlType type, double _)
    {
        float[] weights = WeightData.Make("gaussian", Columns * Rows);
        byte[] all = Round(type, weights);
        int rowBytes = all.Length / Rows;
        foreach (int row in (int[])[0, 17, Rows - 1])
            Assert.Equal(all[(row * rowBytes)..((row + 1) * rowBytes)], Round(type, weights[(row * Columns)..((row + 1) * Columns)]));
    }

    [Theory]
    [MemberData(nameof(Types))]
    public void Any_weights_give_finite_blocks(GgmlType type, double _)
    {
        foreach (string name in (string[])["all-zero", "zero-runs", "constant-blocks", "tiny", "denormal", "large", "one-outlier", "mixed-tiny"])
        {
            byte[] blocks = Round(type, WeightData.Make(name, Columns * 3));
            Assert.Equal(-1, BlockValidation.FindInvalid(BlockFormat.Of(type), blocks));
        }
    }

    [Fact]
    public void Blocks_of_moments_are_rounded_by_themselves()
    {
        float[] weights = WeightData.Make("gaussian", Columns * Rows);
        RoundingFactor halves = RoundingFactor.Create(CorrelatedInputs.Moments(Columns, Columns / 2), 1, TestContext.Current.CancellationToken);
        BlockFormat format = BlockFormat.Of(GgmlType.Q4_K);
        byte[] plain = new byte[format.ByteCount(weights.Length)];
        format.Quantize(weights, Columns, s_factor.Importance, plain);
        double whole = ErrorOf(format, weights, Round(GgmlType.Q4_K, weights));
        double cut = ErrorOf(format, weights, Round(GgmlType.Q4_K, weights, halves));
        Assert.InRange(cut, whole, ErrorOf(format, weights, plain));
    }

    [Fact]
    public void Without_correlation_the_codes_are_those_nearest_to_the_weights()
    {
        float[] half = new float[InputMoments.HalfLength(256)];
        for (int i = 0, at = 0; i < 256; at += 256 - i, i++)
            half[at] = 1;
        RoundingFactor factor = RoundingFactor.Create(new("blk.0.attn_q.weight", 256, 256, 1, (_, _) => half), 1, TestContext.Current.CancellationToken);
        float[] weights = WeightData.Make("gaussian", 256 * Rows);
        byte[] blocks = Round(GgmlType.Q4_0, weights, factor);
        float[] values = new float[weights.Length];
        BlockFormat.Of(GgmlType.Q4_0).Dequantize(blocks, values);
        for (int i = 0; i < weights.Length; i++)
        {
            float scale = Math.Abs((float)BitConverter.ToHalf(blocks, i / 32 * 18));
            float reach = weights[i] * values[i] < 0 || Math.Abs(values[i]) < 7 * scale ? 0.5001f : 1.5f;
            Assert.InRange(Math.Abs(values[i] - weights[i]), 0, reach * scale);
        }
    }

    [Fact]
    public void Formats_without_codes_to_choose_are_left_to_ggml() =>
        Assert.All((GgmlType[])[GgmlType.F16, GgmlType.IQ1_S, GgmlType.IQ2_XXS, GgmlType.TQ1_0], type => Assert.False(MomentRounder.CanRound(type)));

    private static byte[] Round(GgmlType type, float[] weights, RoundingFactor? factor = null)
    {
        byte[] blocks = new byte[BlockFormat.Of(type).ByteCount(weights.Length)];
        new MomentRounder(SegmentRounder.Find(type)!, factor ?? s_factor).Quantize(weights, blocks, TestContext.Current.CancellationToken);
        return blocks;
    }

    // Σ eᵀHe over the rows.
    private static double ErrorOf(BlockFormat format, float[] weights, byte[] blocks)
    {
        float[] values = new float[weights.Length];
        format.Dequantize(blocks, values);
        float[] moments = s_factor.Blocks[0].Moments;
        double total = 0;
        for (int row = 0; row < Rows; row++)
        {
            for (int i = 0; i < Columns; i++)
            {
                double product = 0;
                for (int j = 0; j < Columns; j++)
                    product += (double)moments[(i * Columns) + j] * (values[(row * Columns) + j] - weights[(row * Columns) + j]);
                total += product * (values[(row * Columns) + i] - weights[(row * Columns) + i]);
            }
        }
        return total;
    }
}
