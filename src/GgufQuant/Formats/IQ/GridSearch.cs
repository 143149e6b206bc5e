using System.Numerics;
using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>Chooses among the points near a group of weights that rounded off the grid.</summary>
/// <remarks>
/// ggml's <c>iq2_find_best_neighbour</c>, <c>iq3_find_best_neighbour</c> and <c>iq1_find_best_neighbour2</c>.
/// </remarks>
internal static class GridSearch<TF, TI>
    where TF : struct, IFloatLanes<TF, TI>
    where TI : struct, IIntLanes<TI, TF>
{
    /// <summary>Floats in a row of costs or levels: by digit, repeated to fill the widest lanes.</summary>
    public const int Row = 16;

    /// <summary>The first point in a list that minimizes Σ factor · (scale · level − weight)².</summary>
    /// <remarks>
    /// A weight's term depends only on its level, so there are just three or eight terms to compute per weight; each lane is
    /// then a point, and adds up the terms in ggml's order.
    /// </remarks>
    /// <typeparam name="TCode">The type of the list's numbers: 16 or 32 bits.</typeparam>
    /// <param name="list">The points: see <see cref="GridNeighbours.ListAt"/> or <see cref="GridCandidates.ListAt"/>.</param>
    /// <param name="dimensions">Weights in the group: 8 with two bits per digit, or 4 with three.</param>
    /// <param name="weights">The weights.</param>
    /// <param name="factors">The importance of each weight's error.</param>
    /// <param name="levels">The level of each digit, a row.</param>
    /// <param name="scale">The scale.</param>
    /// <param name="costs">Room for a row per weight.</param>
    /// <returns>The code; -1 if no sum is below the greatest float.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Nearest<TCode>(
        ref readonly TCode list,
        int dimensions,
        ref readonly float weights,
        ref readonly float factors,
        ref readonly float levels,
        float scale,
        ref float costs)
        where TCode : unmanaged, IBinaryInteger<TCode>
    {
        MakeCosts(dimensions, in weights, in factors, in levels, scale, ref costs);
        int count = int.CreateTruncating(list);
        ref TCode codes = ref Unsafe.Add(ref Unsafe.AsRef(in list), 1);
        TF best = TF.Broadcast(float.MaxValue);
        TI bestAt = TI.Broadcast(0);
        for (int j = 0; j < count; j += TF.Count)
        {
            Take(Sum(dimensions, Codes(ref Unsafe.Add(ref codes, j)), ref costs), j, count, ref best, ref bestAt);
        }
        int chosen = Choose(best, bestAt, ref costs);
        return chosen < 0 ? -1 : int.CreateTruncating(Unsafe.Add(ref codes, chosen));
    }

    /// <summary>Loads as many codes of a list as there are lanes.</summary>
    /// <typeparam name="TCode">The type of the list's numbers: 16 or 32 bits.</typeparam>
    /// <param name="first">The first of them.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TI Codes<TCode>(ref TCode first)
        where TCode : unmanaged, IBinaryInteger<TCode>
        => Unsafe.SizeOf<TCode>() == sizeof(ushort)
            ? TI.LoadUInt16(in Unsafe.As<TCode, ushort>(ref first))
            : TI.Load(in Unsafe.As<TCode, int>(ref first));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MakeCosts(
        int dimensions, ref readonly float weights, ref readonly float factors, ref readonly float levels, float scale, ref float costs)
    {
        for (int level = 0; level < 8; level += TF.Count)
        {
            TF scaled = TF.Broadcast(scale) * TF.Load(in Unsafe.Add(ref Unsafe.AsRef(in levels), level));
            for (int i = 0; i < dimensions; i++)
            {
                TF difference = scaled - TF.Broadcast(Unsafe.Add(ref Unsafe.AsRef(in weights), i));
                (TF.Broadcast(Unsafe.Add(ref Unsafe.AsRef(in factors), i)) * difference * difference)
                    .Store(ref Unsafe.Add(ref costs, (i * Row) + level));
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TF Sum(int dimensions, TI code, ref float costs)
    {
        int digitBits = dimensions == 8 ? 2 : 3;
        TF cost = Cost(ref costs, 0, code) + Cost(ref costs, 1, code >>> digitBits)
            + Cost(ref costs, 2, code >>> (2 * digitBits)) + Cost(ref costs, 3, code >>> (3 * digitBits));
        if (dimensions == 8)
        {
            cost = cost + Cost(ref costs, 4, code >>> (4 * digitBits)) + Cost(ref costs, 5, code >>> (5 * digitBits))
                + Cost(ref costs, 6, code >>> (6 * digitBits)) + Cost(ref costs, 7, code >>> (7 * digitBits));
        }
        return cost;
    }

    // Keeps the least cost of each lane; the padding does not count.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Take(TF cost, int first, int count, ref TF best, ref TI bestAt)
    {
        TI at = BlockLanes<TF, TI>.Numbers + TI.Broadcast(first);
        cost = TF.Select(TI.GreaterThan(TI.Broadcast(count), at), cost, TF.Broadcast(float.MaxValue));
        bestAt = TI.Select(TF.GreaterThan(best, cost), at, bestAt);
        best = TF.Min(cost, best);
    }

    // Each lane kept its own first best; among lanes that tie for the least cost, ggml keeps the first.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Choose(TF best, TI bestAt, ref float scratch)
    {
        float least = TF.MinAcross(best);
        if (!(least < float.MaxValue))
            return -1;
        uint lanes = TI.MaskBits(TF.Equal(best, TF.Broadcast(least)));
        ref int positions = ref Unsafe.As<float, int>(ref scratch);
        bestAt.Store(ref positions);
        return First(ref positions, lanes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TF Cost(ref float costs, int weight, TI digit) => TF.Lookup8(in Unsafe.Add(ref costs, weight * Row), digit);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int First(ref int positions, uint lanes)
    {
        int first = int.MaxValue;
        for (; lanes != 0; lanes &= lanes - 1)
            first = Math.Min(first, Unsafe.Add(ref positions, BitOperations.TrailingZeroCount(lanes)));
        return first;
    }
}
