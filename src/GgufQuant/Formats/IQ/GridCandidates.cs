using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace GgufQuant.Formats;

/// <summary>For each code off the grid, the neighbours that can be the nearest to weights that round to it; for a point, itself.</summary>
/// <remarks>
/// <para>
/// Each digit of the code is the nearest to its weight, so a digit farther away costs more. A neighbour whose every digit
/// lies at or beyond that of an earlier neighbour, seen from the code, never costs less, and of equals ggml keeps the earlier
/// one. About half of the neighbours remain, or all if they are equally far from the code: one beyond another is farther.
/// </para>
/// <para>
/// This holds for rounded costs, too: a product and a sum never decrease where an operand does not. The difference between
/// scale · level and a weight could, but only from the code's own level to one on the other side of a weight that lies
/// halfway between, within what rounding the difference and the scale's inverse can change. Such weights are for the caller
/// to exclude.
/// </para>
/// </remarks>
internal sealed class GridCandidates
{
    /// <summary>The most candidates that a code may have.</summary>
    public const int MaxCount = 160;

    // Lists may be read by whole vectors, and at the position that none of 32 bits has.
    private const int Padding = 80;

    // Moves are compared in whole vectors. No move includes this one: codes have at most 28 digits' levels.
    private const uint NoMove = uint.MaxValue;

    // By code: where its list starts.
    private readonly int[] _starts;
    private readonly int[] _lists;

    private GridCandidates(int[] starts, int[] lists, int endOfPoints)
    {
        _starts = starts;
        _lists = lists;
        EndOfPoints = endOfPoints;
    }

    /// <summary>Where the lists of the grid's points end, which come first.</summary>
    public int EndOfPoints { get; }

    /// <summary>The candidates of a code: their number, then their codes in the order of the neighbours. The code is not checked.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref int ListAt(int code) => ref Unsafe.Add(ref Lists, Unsafe.Add(ref Starts, code));

    /// <summary>The first element of all lists.</summary>
    public ref int Lists => ref MemoryMarshal.GetArrayDataReference(_lists);

    /// <summary>By code, where its list starts; the first element.</summary>
    public ref int Starts => ref MemoryMarshal.GetArrayDataReference(_starts);

    /// <summary>Finds the candidates of every code.</summary>
    /// <param name="grid">The points.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static GridCandidates Build(Grid grid)
    {
        GridNeighbours neighbours = grid.Neighbours;
        int[] starts = new int[neighbours.Map.Length];
        // By code: the points' alone.
        uint[] thermometers = new uint[starts.Length];
        int[] lists = new int[neighbours.Lists.Length + (2 * grid.Points.Length)];
        int end = 0;
        foreach (ushort point in grid.Points)
        {
            thermometers[point] = Thermometer(grid, point);
            starts[point] = end;
            lists[end] = 1;
            lists[end + 1] = point;
            end += 2;
        }
        int endOfPoints = end;
        // A loop, because the JIT would have to compile Fill<uint> first, and would not optimize it at that point.
        Span<uint> moves = stackalloc uint[MaxCount];
        for (int n = 0; n < moves.Length; n++)
            moves[n] = NoMove;
        for (int code = 0; code < starts.Length; code++)
        {
            if (neighbours.Map[code] >= 0 || !neighbours.HasList(code))
                continue;
            uint thermometer = Thermometer(grid, code);
            int count = 0;
            foreach (ushort point in neighbours.NeighboursOf(code))
            {
                uint move = thermometer ^ thermometers[point];
                if (IncludesAny(move, moves, count))
                    continue;
                moves[count++] = move;
                lists[end + count] = point;
            }
            for (int n = 0; n < count; n++)
                moves[n] = NoMove;
            lists[end] = count;
            starts[code] = end;
            end += 1 + count;
        }
        return new GridCandidates(starts, lists[..(end + Padding)], endOfPoints);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool IncludesAny(uint move, Span<uint> others, int count)
    {
        Vector256<uint> including = Vector256.Create(move);
        for (int n = 0; n < count; n += Vector256<uint>.Count)
        {
            if (Vector256.EqualsAny(Vector256.AndNot(Vector256.LoadUnsafe(ref others[n]), including), Vector256<uint>.Zero))
                return true;
        }
        return false;
    }

    // As many set bits for each digit as it counts, so that two codes differ in the levels that lie between them.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static uint Thermometer(Grid grid, int code)
    {
        uint bits = 0;
        for (int i = 0; i < grid.Dimensions; i++)
            bits = (bits << (grid.Levels - 1)) | ((1u << grid.Digit(code, i)) - 1);
        return bits;
    }
}
