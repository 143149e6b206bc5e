using GgufQuant.Formats;

namespace GgufQuant.Tests.Formats;

/// <summary>Each off-grid code lists the points at its few smallest distances, nearest first and by index among equals.</summary>
public class GridNeighboursTests
{
    // Neither 2 nor 3 divides it, so the codes that it reaches differ in every digit.
    private const int Stride = 7;

    [Fact]
    public void Neighbours_are_the_points_at_the_smallest_distances()
    {
        foreach ((Grid grid, int shells) in new[] { (Grid.IQ2_XXS, 2), (Grid.IQ2_XS, 2), (Grid.IQ2_S, 1), (Grid.IQ1, 3), (Grid.IQ3_XXS, 2), (Grid.IQ3_S, 3) })
        {
            GridNeighbours neighbours = grid.Neighbours;
            int offGrid = 0;
            for (int code = 0; code < neighbours.Map.Length; code += Stride)
            {
                int mapped = neighbours.Map[code];
                if (mapped >= 0)
                {
                    Assert.Equal(grid.Points[mapped], code);
                }
                else if (Digits(grid, code).All(digit => digit < grid.Levels))
                {
                    offGrid++;
                    ushort[] expected = [.. grid.Points.GroupBy(point => Distance(grid, code, point)).OrderBy(shell => shell.Key).Take(shells).SelectMany(shell => shell)];
                    ReadOnlySpan<ushort> list = neighbours.Lists[~mapped..];
                    int padded = (expected.Length + GridNeighbours.Padding - 1) / GridNeighbours.Padding * GridNeighbours.Padding;
                    Assert.Equal(expected.Length, list[0]);
                    Assert.Equal([.. expected, .. Enumerable.Repeat(expected[0], padded - expected.Length)], list.Slice(1, padded).ToArray());
                }
            }
            Assert.True(offGrid > 100);
        }
    }

    private static IEnumerable<int> Digits(Grid grid, int code) => Enumerable.Range(0, grid.Dimensions).Select(i => grid.Digit(code, i));

    private static int Distance(Grid grid, int a, int b) => Digits(grid, a).Zip(Digits(grid, b), (x, y) => (x - y) * (x - y)).Sum();
}
