using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GgufQuant.Formats;

namespace GgufQuant.Tests.Formats;

/// <summary>Leaving out neighbours that never are the nearest changes no choice.</summary>
public class GridCandidatesTests
{
    public static TheoryData<string> Grids => [nameof(Grid.IQ2_XXS), nameof(Grid.IQ2_XS), nameof(Grid.IQ2_S), nameof(Grid.IQ3_XXS), nameof(Grid.IQ3_S)];

    [Theory]
    [MemberData(nameof(Grids))]
    public void The_first_of_the_nearest_neighbours_is_a_candidate(string name)
    {
        Grid grid = (Grid)typeof(Grid).GetProperty(name)!.GetValue(null)!;
        Random random = new(22);
        for (int code = 0; code < grid.Neighbours.Map.Length; code++)
        {
            if (!grid.Neighbours.HasList(code))
                continue;
            ReadOnlySpan<int> candidates = CandidatesOf(grid, code);
            Assert.True(candidates.Length <= GridCandidates.MaxCount);
            for (int trial = 0; trial < 8; trial++)
            {
                // Weights that round to the code, the outermost ones from beyond it, too.
                double[] weights = [.. Enumerable.Range(0, grid.Dimensions).Select(i => WeightThatRoundsTo(grid, grid.Digit(code, i), random))];
                double[] factors = [.. weights.Select(_ => Math.Exp(4 * random.NextDouble()))];
                Assert.Contains(Nearest(grid, grid.Neighbours.NeighboursOf(code), weights, factors), candidates.ToArray());
            }
        }
    }

    [Theory]
    [MemberData(nameof(Grids))]
    public void The_candidates_are_neighbours_in_the_same_order(string name)
    {
        Grid grid = (Grid)typeof(Grid).GetProperty(name)!.GetValue(null)!;
        int neighbours = 0;
        int candidates = 0;
        for (int code = 0; code < grid.Neighbours.Map.Length; code++)
        {
            if (!grid.Neighbours.HasList(code))
                continue;
            int[] all = [.. grid.Neighbours.NeighboursOf(code).ToArray().Select(point => (int)point)];
            int[] some = CandidatesOf(grid, code).ToArray();
            Assert.Equal(all.Where(some.Contains), some);
            neighbours += all.Length;
            candidates += some.Length;
        }
        Assert.InRange(candidates, neighbours / 10, neighbours);
    }

    [Theory]
    [MemberData(nameof(Grids))]
    [InlineData(nameof(Grid.IQ1))]
    public void A_neighbour_is_left_out_if_and_only_if_an_earlier_candidate_lies_on_the_way_to_it(string name)
    {
        Grid grid = (Grid)typeof(Grid).GetProperty(name)!.GetValue(null)!;
        for (int code = 0; code < grid.Neighbours.Map.Length; code++)
        {
            if (!grid.Neighbours.HasList(code))
                continue;
            List<int> expected = [];
            foreach (ushort point in grid.Neighbours.NeighboursOf(code))
            {
                if (!expected.Exists(earlier => LiesBetween(grid, code, earlier, point)))
                    expected.Add(point);
            }
            Assert.Equal(expected, CandidatesOf(grid, code).ToArray());
        }
    }

    // Whether each digit of a point lies at or between those of the code and of another point.
    private static bool LiesBetween(Grid grid, int code, int point, int other)
    {
        for (int i = 0; i < grid.Dimensions; i++)
        {
            int digit = grid.Digit(point, i);
            if (digit < Math.Min(grid.Digit(code, i), grid.Digit(other, i)) || digit > Math.Max(grid.Digit(code, i), grid.Digit(other, i)))
                return false;
        }
        return true;
    }

    private static ReadOnlySpan<int> CandidatesOf(Grid grid, int code)
    {
        ref readonly int list = ref grid.Candidates.ListAt(code);
        return MemoryMarshal.CreateReadOnlySpan(in Unsafe.Add(ref Unsafe.AsRef(in list), 1), list);
    }

    private static double WeightThatRoundsTo(Grid grid, int digit, Random random)
    {
        double weight = (2 * digit) + 1 + (1.98 * (random.NextDouble() - 0.5));
        return digit == grid.Levels - 1 && random.Next(2) == 0 ? weight + (6 * random.NextDouble()) + 1
            : digit == 0 && random.Next(8) == 0 ? -weight
            : weight;
    }

    private static int Nearest(Grid grid, ReadOnlySpan<ushort> points, double[] weights, double[] factors)
    {
        int nearest = -1;
        double least = double.MaxValue;
        foreach (ushort point in points)
        {
            double cost = 0;
            for (int i = 0; i < weights.Length; i++)
                cost += factors[i] * Math.Pow((2 * grid.Digit(point, i)) + 1 - weights[i], 2);
            if (cost < least)
                (nearest, least) = (point, cost);
        }
        return nearest;
    }
}
