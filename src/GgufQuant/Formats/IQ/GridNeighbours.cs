using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

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

    /// <summary>Prefetches the neighbour list of an off-grid code; the lists are scattered in memory.</summary>
    public unsafe void Prefetch(int code)
    {
        if (Sse.IsSupported && _map[code] < 0)
            Sse.Prefetch0(Unsafe.AsPointer(ref _lists[~_map[code]]));
    }

    /// <summary>Finds the neighbours of every code.</summary>
    /// <param name="grid">The points.</param>
    /// <param name="shells">Number of distinct distances that count as near.</param>
    public static GridNeighbours Build(Grid grid, int shells)
    {
        int codes = 1 << (grid.DigitBits * grid.Dimensions);
        int[] map = new int[codes];
        Array.Fill(map, int.MinValue);
        for (int n = 0; n < grid.Points.Length; n++)
            map[grid.Points[n]] = n;

        Distances distances = new(grid);
        ushort[]?[] lists = new ushort[codes][];
        Parallel.For(0, codes, code =>
        {
            if (map[code] < 0 && distances.IsProper(code))
                lists[code] = Near(grid.Points, distances, code, shells);
        });

        ushort[] joined = new ushort[lists.Sum(list => list?.Length ?? 0)];
        int end = 0;
        for (int code = 0; code < codes; code++)
        {
            if (lists[code] is not { } list)
                continue;
            map[code] = ~end;
            list.CopyTo(joined, end);
            end += list.Length;
        }
        return new GridNeighbours(map, joined);
    }

    private static ushort[] Near(ushort[] points, Distances distances, int code, int shells)
    {
        Span<byte> distance = stackalloc byte[points.Length];
        Span<int> counts = stackalloc int[byte.MaxValue + 1];
        counts.Clear();
        for (int n = 0; n < points.Length; n++)
        {
            distance[n] = distances.Between(code, points[n]);
            counts[distance[n]]++;
        }

        // From counts to the position of each distance's first point.
        int total = 0;
        int farthest = 0;
        for (int found = 0; found < shells; farthest++)
        {
            int count = counts[farthest];
            counts[farthest] = total;
            total += count;
            found += count > 0 ? 1 : 0;
        }

        ushort[] list = new ushort[1 + ((total + Padding - 1) / Padding * Padding)];
        list[0] = (ushort)total;
        for (int n = 0; n < points.Length; n++)
        {
            if (distance[n] < farthest)
                list[1 + counts[distance[n]]++] = points[n];
        }
        list.AsSpan(1 + total).Fill(list[1]);
        return list;
    }

    /// <summary>Squared distances between codes, from a table for each half of a code.</summary>
    private readonly struct Distances
    {
        private readonly int _halfBits;
        private readonly byte[] _table;
        private readonly bool[] _isProper;

        public Distances(Grid grid)
        {
            int digits = grid.Dimensions / 2;
            _halfBits = grid.DigitBits * digits;
            int halves = 1 << _halfBits;
            _table = new byte[halves * halves];
            _isProper = new bool[halves];
            for (int a = 0; a < halves; a++)
            {
                _isProper[a] = true;
                for (int i = 0; i < digits; i++)
                    _isProper[a] &= grid.Digit(a, i) < grid.Levels;
                for (int b = 0; b < halves; b++)
                {
                    for (int i = 0; i < digits; i++)
                    {
                        int difference = grid.Digit(a, i) - grid.Digit(b, i);
                        _table[(a << _halfBits) + b] += (byte)(difference * difference);
                    }
                }
            }
        }

        /// <summary>Whether every digit of a code is one of the grid's levels; rounding produces no others.</summary>
        public bool IsProper(int code) => _isProper[code >> _halfBits] && _isProper[code & ((1 << _halfBits) - 1)];

        public byte Between(int a, int b)
        {
            int low = (1 << _halfBits) - 1;
            return (byte)(_table[(a >> _halfBits << _halfBits) + (b >> _halfBits)] + _table[((a & low) << _halfBits) + (b & low)]);
        }
    }
}
