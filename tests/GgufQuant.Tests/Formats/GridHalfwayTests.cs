using GgufQuant.Formats;
using GgufQuant.Tests.Simd;

namespace GgufQuant.Tests.Formats;

/// <summary>Where a weight lies halfway between two levels, no neighbour is left out.</summary>
public class GridHalfwayTests : IClassFixture<LaneWidth>
{
    // With these seeds the blocks differ from ggml's if a weight counts as surely rounded wherever it lies.
    [Theory]
    [InlineData(GgmlType.IQ2_XS, 1613, 3200, 5796, 7695, 11687)]
    [InlineData(GgmlType.IQ3_XXS, 347, 356, 651, 873, 4392)]
    [InlineData(GgmlType.IQ3_S, 111, 349, 962, 2019, 2508)]
    public void Of_points_on_either_side_of_a_weight_ggmls_is_chosen(GgmlType type, params int[] seeds)
    {
        Skip.UnlessExact(type);
        foreach (int seed in seeds)
        {
            Random random = new(seed);
            float[] importance = [.. Enumerable.Range(0, ReferenceBlocks.RowLength).Select(_ => (float)Math.Exp(4 * (random.NextDouble() - 0.5)))];
            float[] weights = type switch
            {
                GgmlType.IQ2_XS => HalfwayWeights.Make(Grid.IQ2_XS, 16, 9, 0.1f, ReferenceBlocks.RowLength, random),
                GgmlType.IQ3_XXS => HalfwayWeights.Make(Grid.IQ3_XXS, 32, 15, 0.2f, ReferenceBlocks.RowLength, random),
                _ => HalfwayWeights.Make(Grid.IQ3_S, 32, 9, 0.2f, ReferenceBlocks.RowLength, random),
            };
            ReferenceBlocks.AssertSame(type, weights, importance, $"seed {seed}");
        }
    }

    [Fact]
    public void Of_neighbours_that_are_equally_far_none_is_left_out()
    {
        Grid grid = Grid.IQ2_S;
        for (int code = 0; code < grid.Neighbours.Map.Length; code++)
        {
            if (grid.Neighbours.HasList(code))
                Assert.Equal(grid.Neighbours.NeighboursOf(code).Length, grid.Candidates.ListAt(code));
        }
    }
}
