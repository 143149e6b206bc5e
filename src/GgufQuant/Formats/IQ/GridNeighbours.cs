using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace GgufQuant.Formats;

/// <summary>For each off-grid code, the grid points nearest to it.</summary>
/// <remarks>
/// ggml's <c>iq2xs_init_impl</c> and <c>iq3xs_init_impl</c>: <c>kmap_q2xs</c>, <c>kneighbors_q2xs</c>. The neighbours of
/// a code are the points at its few smallest distances (the grid's shells), nearest first and by index among equals. ggml
/// tries them in this order, so the same one of equally good points wins.
/// </remarks>
internal sealed class GridNeighbours
{
    /// <summary>Each list is padded to a multiple of this, so that whole vectors can be read.</summary>
    public const int Padding = 16;

    // Index of the point, or the complement of where the code's list starts in _lists.
    private readonly int[] _map;
    private readonly ushort[] _lists;

    private GridNeighbours(int[] map, ushort[] lists)
    {
        _map = map;
        _lists = lists;
    }

    /// <summary>By code: the point's index, or a negative number to pass to <see cref="ListAt"/>.</summary>
    public ReadOnlySpan<int> Map => _map;

    /// <summary>The neighbours of all off-grid codes, list after list.</summary>
    public ReadOnlySpan<ushort> Lists => _lists;

    /// <summary>The neighbours of an off-grid code, as codes: their number, then the padded list.</summary>
    /// <remarks>The padding repeats the first neighbour, which never wins as the later of two equals.</remarks>
    public ref readonly ushort ListAt(int mapped) => ref _lists[~mapped];

    /// <summary>Whether a code is off the grid, and rounding produces it.</summary>
    public bool HasList(int code) => _map[code] is < 0 and > int.MinValue;

    /// <summary>The same without the padding, for a code that has a list.</summary>
    public ReadOnlySpan<ushort> NeighboursOf(int code) => _lists.AsSpan(~_map[code] + 1, _lists[~_map[code]]);

    /// <summary>Finds the neighbours of every code.</summary>
    /// <param name="grid">The points.</param>
    /// <param name="shells">Number of distinct distances that count as near.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static GridNeighbours Build(Grid grid, int shells)
    {
        int[] map = new int[1 << (grid.DigitBits * grid.Dimensions)];
        // A loop, here and in List, because the JIT would have to compile Fill for these types first, and would not optimize it at that point.
        for (int code = 0; code < map.Length; code++)
            map[code] = int.MinValue;
        for (int n = 0; n < grid.Points.Length; n++)
            map[grid.Points[n]] = n;
        ushort[] lists = new ushort[1 << 16];
        int end = 0;
        Distances distances = new(grid);
        for (int code = 0; code < map.Length; code++)
        {
            if (map[code] >= 0 || !distances.TryMeasure(code))
                continue;
            if (lists.Length - end <= grid.Points.Length + Padding)
                Array.Resize(ref lists, 2 * lists.Length);
            map[code] = ~end;
            end += distances.List(grid.Points, shells, lists.AsSpan(end));
        }
        return new GridNeighbours(map, lists[..end]);
    }

    /// <summary>The squared distances of a code to all points, from those of its halves.</summary>
    /// <remarks>One half of a code has few values, so the distances of all points from each of them fit in a table.</remarks>
    private readonly struct Distances
    {
        private readonly int _halfBits;

        // By value of the lower and of the upper half, a byte per point; null if a digit is none of the grid's levels.
        private readonly byte[]?[] _lower;
        private readonly byte[]?[] _upper;

        // Those of the code that was measured last.
        private readonly byte[] _distances;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public Distances(Grid grid)
        {
            _halfBits = grid.DigitBits * grid.Dimensions / 2;
            _lower = new byte[1 << _halfBits][];
            _upper = new byte[1 << _halfBits][];
            _distances = new byte[grid.Points.Length];
            byte[] between = new byte[1 << _halfBits];
            for (int half = 0; half < between.Length; half++)
            {
                if (!Measure(grid, half, between))
                    continue;
                byte[] lower = _lower[half] = new byte[grid.Points.Length];
                byte[] upper = _upper[half] = new byte[grid.Points.Length];
                for (int n = 0; n < lower.Length; n++)
                {
                    lower[n] = between[grid.Points[n] & (between.Length - 1)];
                    upper[n] = between[grid.Points[n] >> _halfBits];
                }
            }
        }

        /// <summary>Measures the distances of a code; returns false if rounding cannot produce it.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public bool TryMeasure(int code)
        {
            if (_lower[code & (_lower.Length - 1)] is not { } lower || _upper[code >> _halfBits] is not { } upper)
                return false;
            for (int n = 0; n < _distances.Length; n += Vector256<byte>.Count)
                (Vector256.LoadUnsafe(ref lower[n]) + Vector256.LoadUnsafe(ref upper[n])).StoreUnsafe(ref _distances[n]);
            return true;
        }

        /// <summary>Writes the points at the smallest distances: their number, then the padded list.</summary>
        /// <returns>The length of both.</returns>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public int List(ReadOnlySpan<ushort> points, int shells, Span<ushort> list)
        {
            int end = 1;
            // No point is at distance 0: the code would be that point.
            byte distance = 0;
            for (int shell = 0; shell < shells; shell++)
            {
                distance = NextAfter(distance);
                for (int n = 0; n < points.Length; n += Vector256<byte>.Count)
                {
                    Vector256<byte> isAt = Vector256.Equals(Vector256.LoadUnsafe(ref _distances[n]), Vector256.Create(distance));
                    for (uint bits = isAt.ExtractMostSignificantBits(); bits != 0; bits &= bits - 1)
                        list[end++] = points[n + BitOperations.TrailingZeroCount(bits)];
                }
            }
            list[0] = (ushort)(end - 1);
            int padded = 1 + ((end - 1 + Padding - 1) / Padding * Padding);
            for (; end < padded; end++)
                list[end] = list[1];
            return padded;
        }

        // The smallest distance beyond one.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private byte NextAfter(byte distance)
        {
            Vector256<byte> least = Vector256.Create(byte.MaxValue);
            for (int n = 0; n < _distances.Length; n += Vector256<byte>.Count)
            {
                Vector256<byte> at = Vector256.LoadUnsafe(ref _distances[n]);
                Vector256<byte> isFarther = Vector256.GreaterThan(at, Vector256.Create(distance));
                least = Vector256.Min(least, Vector256.ConditionalSelect(isFarther, at, Vector256.Create(byte.MaxValue)));
            }
            byte next = byte.MaxValue;
            for (int lane = 0; lane < Vector256<byte>.Count; lane++)
                next = Math.Min(next, least[lane]);
            return next;
        }

        // The distances of one half of a code to every other; false if a digit is none of the grid's levels.
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        private static bool Measure(Grid grid, int half, Span<byte> between)
        {
            between.Clear();
            for (int i = 0; i < grid.Dimensions / 2; i++)
            {
                int digit = grid.Digit(half, i);
                if (digit >= grid.Levels)
                    return false;
                for (int other = 0; other < between.Length; other++)
                {
                    int difference = digit - grid.Digit(other, i);
                    between[other] += (byte)(difference * difference);
                }
            }
            return true;
        }
    }
}
