using GgufQuant.Calibration;
using GgufQuant.Formats;
using GgufQuant.Tests.Simd;

namespace GgufQuant.Tests.Calibration;

/// <summary>Rounding with vectors against scalar loops, bit by bit.</summary>
public class ScalarRoundingTests : IClassFixture<LaneWidth>
{
    private const int Columns = 512;
    private const int Rows = 2;

    private static readonly RoundingFactor s_factor = RoundingFactor.Create(CorrelatedInputs.Moments(Columns, Columns, tokens: 1024), 2, default);

    [Theory]
    [MemberData(nameof(MomentRounderTests.Types), MemberType = typeof(MomentRounderTests))]
    public void The_blocks_are_those_of_scalar_loops(GgmlType type, double _)
    {
        foreach (string name in (string[])["heavy-tail", "zero-runs", "small-integers"])
        {
            float[] weights = WeightData.Make(name, Columns * Rows);
            byte[] blocks = new byte[BlockFormat.Of(type).ByteCount(weights.Length)];
            new MomentRounder(SegmentRounder.Find(type)!, s_factor).Quantize(weights, blocks, TestContext.Current.CancellationToken);
            Assert.Equal(weights.Chunk(Columns).SelectMany(row => ScalarRounding.Round(type, row, s_factor)), blocks);
        }
    }
}
