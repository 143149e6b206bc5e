using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using GgufQuant.Formats;
using GgufQuant.Simd;

namespace GgufQuant.Calibration;

/// <summary>Finds the points of a grid that are nearest to the magnitudes of a target.</summary>
/// <remarks>
/// A distance is the chain <c>d = fma(costᵢ · missᵢ, missᵢ, d)</c> over the dimensions, with
/// <c>missᵢ = fma(scale, magnitudeᵢ, −|targetᵢ|)</c>.
/// </remarks>
internal sealed class GridSearch
{
    // The full quadratic form then chooses among these.
    private const int Nearest = 12;

    private const int Lanes = 16;

    private readonly int _dimensions;
    private readonly int _points;

    // The magnitudes of all points, digit by digit.
    private readonly Memory<float> _magnitudes;

    public GridSearch(Grid grid, ReadOnlySpan<byte> magnitudes)
    {
        _dimensions = grid.Dimensions;
        _points = grid.Points.Length;
        _magnitudes = CacheLines.Allocate(_dimensions * _points);
        Span<float> all = _magnitudes.Span;
        for (int digit = 0; digit < _dimensions; digit++)
        {
            for (int point = 0; point < _points; point++)
                all[(digit * _points) + point] = magnitudes[grid.Digit(grid.Points[point], digit)];
        }
    }

    /// <summary>The length of the lists that <see cref="Find"/> writes: all points, and room for whole vectors.</summary>
    public int Room => _points + Lanes;

    /// <summary>Finds the nearest points, in index order, and possibly a few more, which <see cref="IsNearest"/> rules out.</summary>
    /// <param name="targets">The target, one value per dimension.</param>
    /// <param name="costs">The cost of a squared miss in each dimension.</param>
    /// <param name="scale">The factor for the points' magnitudes.</param>
    /// <param name="found">Receives the points' indices; see <see cref="Room"/>.</param>
    /// <param name="distances">Receives their distances, padded to <see cref="Padded"/> with infinities.</param>
    /// <returns>The number of points found; 0 if no distance is finite.</returns>
    [SkipLocalsInit]
    public int Find(ReadOnlySpan<float> targets, ReadOnlySpan<float> costs, float scale, Span<int> found, Span<float> distances)
    {
        // All points are equal then.
        if (scale == 0)
        {
            found[0] = 0;
            distances[0] = 0;
            distances.Slice(1, Lanes).Fill(float.PositiveInfinity);
            return 1;
        }
        Span<float> all = MemoryMarshal.CreateSpan(ref CacheLines.Align(stackalloc float[_points + CacheLines.Spare]), _points);
        Vector512<float> limit = Vector512.Create(Measure(targets, costs, scale, all));
        int count = 0;
        // A loop over many points at once: few branches are then hard to predict.
        for (int first = 0; first < _points; first += 4 * Lanes)
        {
            ref float distance = ref all[first];
            ulong near = Vector512.LessThanOrEqual(Vector512.LoadUnsafe(ref distance), limit).ExtractMostSignificantBits()
                | Vector512.LessThanOrEqual(Vector512.LoadUnsafe(ref distance, Lanes), limit).ExtractMostSignificantBits() << Lanes
                | Vector512.LessThanOrEqual(Vector512.LoadUnsafe(ref distance, 2 * Lanes), limit).ExtractMostSignificantBits() << (2 * Lanes)
                | Vector512.LessThanOrEqual(Vector512.LoadUnsafe(ref distance, 3 * Lanes), limit).ExtractMostSignificantBits() << (3 * Lanes);
            Span<int> next = found[count..];
            count += BitOperations.PopCount(near);
            // There are most often at most four; what is written beyond them will be overwritten.
            next[3] = first + BitOperations.TrailingZeroCount(WithoutFirst(WithoutFirst(WithoutFirst(near))));
            next[2] = first + BitOperations.TrailingZeroCount(WithoutFirst(WithoutFirst(near)));
            next[1] = first + BitOperations.TrailingZeroCount(WithoutFirst(near));
            next[0] = first + BitOperations.TrailingZeroCount(near);
            near = WithoutFirst(WithoutFirst(WithoutFirst(WithoutFirst(near))));
            for (int k = 4; near != 0; k++, near = WithoutFirst(near))
                next[k] = first + BitOperations.TrailingZeroCount(near);
        }
        for (int k = 0; k < count; k++)
            distances[k] = all[found[k]];
        distances.Slice(count, Lanes).Fill(float.PositiveInfinity);
        return count;
    }

    /// <summary>A number of found points, rounded up to whole vectors.</summary>
    public static int Padded(int count) => (count + Lanes - 1) / Lanes * Lanes;

    /// <summary>Whether a found point is one of the nearest; lower indices win ties.</summary>
    /// <param name="distances">The distances of all found points, padded.</param>
    /// <param name="index">The index of the found point.</param>
    public static bool IsNearest(ReadOnlySpan<float> distances, int index)
    {
        Vector512<float> own = Vector512.Create(distances[index]);
        int nearer = 0;
        for (int first = 0; first < distances.Length; first += Lanes)
        {
            Vector512<float> others = Vector512.Create<float>(distances.Slice(first, Lanes));
            ulong before = (1ul << Math.Clamp(index - first, 0, Lanes)) - 1;
            ulong ties = Vector512.Equals(others, own).ExtractMostSignificantBits() & before;
            nearer += BitOperations.PopCount(Vector512.LessThan(others, own).ExtractMostSignificantBits() | ties);
        }
        return nearer < Nearest;
    }

    private static ulong WithoutFirst(ulong bits) => bits & (bits - 1);

    // Returns a limit that as many lanes are at or below as there are nearest points.
    [SkipLocalsInit]
    private float Measure(ReadOnlySpan<float> targets, ReadOnlySpan<float> costs, float scale, Span<float> distances)
    {
        Span<Vector512<float>> negated = stackalloc Vector512<float>[targets.Length];
        Span<Vector512<float>> weighed = stackalloc Vector512<float>[targets.Length];
        for (int i = 0; i < targets.Length; i++)
        {
            negated[i] = Vector512.Create(-Math.Abs(targets[i]));
            weighed[i] = Vector512.Create(costs[i]);
        }
        Span<float> all = _magnitudes.Span;
        Vector512<float> scales = Vector512.Create(scale);
        Vector512<float> least = Vector512.Create(float.PositiveInfinity);
        Vector512<float> otherLeast = least;
        // Four at a time, because each distance is one dependency chain.
        for (int first = 0; first < _points; first += 4 * Lanes)
        {
            Vector512<float> d0 = Vector512<float>.Zero, d1 = d0, d2 = d0, d3 = d0;
            ref float magnitudes = ref all[first];
            for (int i = 0; i < negated.Length; i++)
            {
                Vector512<float> target = negated[i], weight = weighed[i];
                Vector512<float> m0 = Vector512.FusedMultiplyAdd(scales, Vector512.LoadUnsafe(ref magnitudes), target);
                Vector512<float> m1 = Vector512.FusedMultiplyAdd(scales, Vector512.LoadUnsafe(ref magnitudes, Lanes), target);
                Vector512<float> m2 = Vector512.FusedMultiplyAdd(scales, Vector512.LoadUnsafe(ref magnitudes, 2 * Lanes), target);
                Vector512<float> m3 = Vector512.FusedMultiplyAdd(scales, Vector512.LoadUnsafe(ref magnitudes, 3 * Lanes), target);
                d0 = Vector512.FusedMultiplyAdd(weight * m0, m0, d0);
                d1 = Vector512.FusedMultiplyAdd(weight * m1, m1, d1);
                d2 = Vector512.FusedMultiplyAdd(weight * m2, m2, d2);
                d3 = Vector512.FusedMultiplyAdd(weight * m3, m3, d3);
                magnitudes = ref Unsafe.Add(ref magnitudes, _points);
            }
            ref float to = ref distances[first];
            d0.StoreUnsafe(ref to);
            d1.StoreUnsafe(ref to, Lanes);
            d2.StoreUnsafe(ref to, 2 * Lanes);
            d3.StoreUnsafe(ref to, 3 * Lanes);
            least = Least(d2, Least(d0, least));
            otherLeast = Least(d3, Least(d1, otherLeast));
        }
        return Order(least, otherLeast);
    }

    // NaN is never the minimum.
    private static Vector512<float> Least(Vector512<float> distances, Vector512<float> least) =>
        Vector512.ConditionalSelect(Vector512.LessThan(distances, least), distances, least);

    [SkipLocalsInit]
    private static float Order(Vector512<float> lanes, Vector512<float> others)
    {
        Span<float> values = stackalloc float[2 * Lanes];
        lanes.CopyTo(values);
        others.CopyTo(values[Lanes..]);
        Vector512<int> below = Vector512<int>.Zero;
        Vector512<int> belowOthers = below;
        foreach (float value in values)
        {
            Vector512<float> other = Vector512.Create(value);
            below = Vector512.ConditionalSelect(Vector512.LessThan(other, lanes).AsInt32(), below + Vector512<int>.One, below);
            belowOthers = Vector512.ConditionalSelect(Vector512.LessThan(other, others).AsInt32(), belowOthers + Vector512<int>.One, belowOthers);
        }
        Vector512<float> greatest = Vector512.Max(FirstOf(lanes, below), FirstOf(others, belowOthers));
        Vector256<float> halves = Vector256.Max(greatest.GetLower(), greatest.GetUpper());
        Vector128<float> quarters = Vector128.Max(halves.GetLower(), halves.GetUpper());
        // An infinite limit would admit points that are not near.
        return Math.Min(float.MaxValue, Math.Max(Math.Max(quarters[0], quarters[1]), Math.Max(quarters[2], quarters[3])));
    }

    // Zero in the lanes with too many others below them.
    private static Vector512<float> FirstOf(Vector512<float> lanes, Vector512<int> below) =>
        Vector512.ConditionalSelect(Vector512.LessThan(below, Vector512.Create(Nearest)).AsSingle(), lanes, Vector512<float>.Zero);
}
