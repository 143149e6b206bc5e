using GgufQuant.Calibration;
using GgufQuant.Formats;
using GgufQuant.Tests.Simd;

namespace GgufQuant.Tests.Calibration;

/// <summary>The search for near points of a grid against a look at all of them.</summary>
public class GridSearchTests : IClassFixture<LaneWidth>
{
    [Fact]
    public void The_nearest_points_of_IQ2_S_are_found() => CheckSearch<IQ2_S>(new IQ2_SCodes(), 50);

    [Fact]
    public void The_nearest_points_of_IQ3_S_are_found() => CheckSearch<IQ3_S>(new IQ3_SCodes(), 17);

    [Fact]
    public void A_scale_of_zero_makes_all_points_the_same()
    {
        IQ3_SCodes codec = new();
        GridSearch search = new(codec.Grid, codec.Magnitudes);
        int[] found = new int[search.Room];
        Assert.Equal(1, search.Find([1, -2, 3, 4], [1, 1, 1, 1], 0, found, new float[search.Room]));
        Assert.Equal(0, found[0]);
    }

    private static void CheckSearch<TFormat>(GridCodec codec, double reach)
        where TFormat : struct, IGridFormat
    {
        GridSearch search = new(codec.Grid, codec.Magnitudes);
        int[] found = new int[search.Room];
        float[] distances = new float[search.Room];
        Random random = new(3);
        for (int trial = 0; trial < 200; trial++)
        {
            // Whole numbers, in part, so that points are as near as others; and some beyond the grid.
            double scale = trial % 3 == 0 ? 1 : 0.01 + random.NextDouble();
            float[] targets = [.. Enumerable.Range(0, codec.Grid.Dimensions).Select(_ => (float)(trial % 3 == 0 ? random.Next(-20, 20) : 1.3 * scale * reach * ((2 * random.NextDouble()) - 1)))];
            float[] costs = [.. targets.Select(_ => trial % 3 == 0 ? 1 : (float)random.NextDouble())];
            int count = search.Find(targets, costs, (float)scale, found, distances);
            IEnumerable<int> nearest = Enumerable.Range(0, count).Where(index => GridSearch.IsNearest(distances.AsSpan(0, GridSearch.Padded(count)), index)).Select(index => found[index]);
            Assert.Equal(ScalarPoints<TFormat>.FindNearest(codec, targets, costs, (float)scale).Order(), nearest);
        }
    }
}
