using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GgufQuant.Formats;

namespace GgufQuant.Tests.Formats;

/// <summary>
/// Weights for which a neighbour that <see cref="GridCandidates"/> leaves out can be ggml's choice: it differs from a candidate
/// only where a weight lies halfway between both levels, so that rounding decides which costs less.
/// </summary>
internal static class HalfwayWeights
{
    /// <summary>Makes weights, most of them points, the others halfway, under one of the scales that are tried.</summary>
    public static float[] Make(Grid grid, int subBlock, int reach, float step, int count, Random random)
    {
        List<Tie> ties = TiesOf(grid);
        float[] weights = new float[count];
        for (int start = 0; start < count; start += subBlock)
        {
            float range = (float)Math.Exp(random.NextDouble());
            float scale = 1 / (((2 * grid.Levels) - 1 + (random.Next(-reach, reach + 1) * step)) / range);
            for (int first = start; first < start + subBlock; first += grid.Dimensions)
            {
                Tie tie = ties[random.Next(ties.Count)];
                int point = random.Next(8) == 0 ? -1 : grid.Points[random.Next(grid.Points.Length)];
                for (int i = 0; i < grid.Dimensions; i++)
                {
                    float weight = point >= 0 ? scale * ((2 * grid.Digit(point, i)) + 1) : Near(grid, tie, i, scale, random);
                    weights[first + i] = Math.Min(0.999f * range, weight);
                }
            }
            weights[start + random.Next(subBlock)] = range;
        }
        return weights;
    }

    private static float Near(Grid grid, Tie tie, int i, float scale, Random random)
    {
        float level = (2 * grid.Digit(tie.Code, i)) + 1;
        int beyond = grid.Digit(tie.Other, i) - grid.Digit(tie.Candidate, i);
        if (beyond == 0)
            return scale * (level + (Math.Sign(grid.Digit(tie.Candidate, i) - grid.Digit(tie.Code, i)) * (0.9f + (0.09f * random.NextSingle()))));
        float weight = scale * (level + beyond);
        for (int n = random.Next(4); n > 0; n--)
            weight = beyond > 0 ? MathF.BitIncrement(weight) : MathF.BitDecrement(weight);
        return weight;
    }

    private static List<Tie> TiesOf(Grid grid)
    {
        List<Tie> ties = [];
        for (int code = 0; code < grid.Neighbours.Map.Length; code++)
        {
            if (!grid.Neighbours.HasList(code))
                continue;
            ref readonly int list = ref grid.Candidates.ListAt(code);
            ReadOnlySpan<int> candidates = MemoryMarshal.CreateReadOnlySpan(in Unsafe.Add(ref Unsafe.AsRef(in list), 1), list);
            foreach (ushort other in grid.Neighbours.NeighboursOf(code))
            {
                if (candidates.Contains(other))
                    continue;
                foreach (int candidate in candidates)
                {
                    if (DifferByOneFrom(grid, code, candidate, other))
                        ties.Add(new Tie(code, candidate, other));
                }
            }
        }
        return ties;
    }

    // Whether the candidate has the code's digits wherever the other point has not the candidate's, but the next.
    private static bool DifferByOneFrom(Grid grid, int code, int candidate, int other) =>
        Enumerable.Range(0, grid.Dimensions).All(i => grid.Digit(candidate, i) == grid.Digit(other, i)
            || (grid.Digit(candidate, i) == grid.Digit(code, i) && Math.Abs(grid.Digit(other, i) - grid.Digit(code, i)) == 1));

    private readonly record struct Tie(int Code, int Candidate, int Other);
}
