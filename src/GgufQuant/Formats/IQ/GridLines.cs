using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>Chooses among the points near a group of weights under several scales at once, and says where rounding cannot matter.</summary>
/// <remarks>
/// <para>
/// A point's cost Σ factor · (scale · level − magnitude)² is scale · (scale · slope − offset) + E, with the slope
/// Σ factor · level², the offset 2 · Σ factor · magnitude · level and E = Σ factor · magnitude², which is the same for all.
/// So a point is a line over the scale, and the lowest line is the nearest point. The lines are made once per list, from
/// tables of which one entry covers up to two weights.
/// </para>
/// <para>
/// ggml adds up the costs in another order, so a choice counts as clear only if rounding can change neither. With
/// u = 2⁻²⁴, a cost C that ggml computes is wrong by at most u · (16 · C + 2 · E), because scale · level is at most the sum
/// of the magnitude and the miss. A computed line, fused or not, is wrong by at most 8u · (scale · slope + 2 · Σ factor · |magnitude| · level),
/// which times the scale is at most u · (40 · E + 32 · C). Of two costs, all this is below u · (84 · E + 96 · C) beside their
/// difference, C being the lesser; a lead of 10⁻⁵ · (C + E), 168u, is more.
/// </para>
/// <para>
/// Two points' lines diverge linearly, and the cost of one is convex. So a point that is clearly the nearest under two
/// scales is so under all between: the lead there is at least the mean of those at the ends, as far as the scales
/// allow, which are never less than 2/3 of one another; 112u · (C + E) remain, and ggml's errors are at most u · (4 · E + 32 · C).
/// </para>
/// <para>Factors or magnitudes near the ends of a float's range make no choice clear.</para>
/// </remarks>
internal static class GridLines<TFormat, TF, TI>
    where TFormat : struct, IGridFormat
    where TF : struct, IFloatLanes<TF, TI>
    where TI : struct, IIntLanes<TI, TF>
{
    private const float SurelyGreater = 1e-5f;
    private const float FarFromDenormal = 1e-30f;
    private const float FarFromInfinite = 1e8f;

    // The offset of a line above all others.
    private const float FarAbove = 1e37f;

    // Entry e of these tables covers the levels of digits e & 3 and e >> 2, or with eight levels of digit e & 7. Constant data,
    // because a static array costs optimized code a check per access.

    /// <summary>The level of each digit, repeated to fill sixteen.</summary>
    public static ReadOnlySpan<float> Levels
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => PairsWeights
        ? [1, 3, 5, 7, 1, 3, 5, 7, 1, 3, 5, 7, 1, 3, 5, 7]
        : [1, 3, 5, 7, 9, 11, 13, 15, 1, 3, 5, 7, 9, 11, 13, 15];
    }

    private static ReadOnlySpan<float> Squares
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => PairsWeights
        ? [1, 9, 25, 49, 1, 9, 25, 49, 1, 9, 25, 49, 1, 9, 25, 49]
        : [1, 9, 25, 49, 81, 121, 169, 225, 1, 9, 25, 49, 81, 121, 169, 225];
    }

    private static ReadOnlySpan<float> NextLevels
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => [1, 1, 1, 1, 3, 3, 3, 3, 5, 5, 5, 5, 7, 7, 7, 7];
    }

    private static ReadOnlySpan<float> NextSquares
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => [1, 1, 1, 1, 9, 9, 9, 9, 25, 25, 25, 25, 49, 49, 49, 49];
    }

    private static ReadOnlySpan<int> Positions
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];
    }

    private static bool PairsWeights
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TFormat.Dimensions == 8;
    }

    // Lists are read by so many points, and past their ends if need be. Nine of ten lists of points with eight levels have up to
    // eight: wide lanes take longer to mispredict where the others end than to read eight.
    private static int Unroll
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => PairsWeights || TF.Count < 8 ? 4 : 8;
    }

    private static int EntryBits
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => PairsWeights ? 4 : 3;
    }

    private static int EntriesUsed
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => PairsWeights ? 16 : Math.Max(8, TF.Count);
    }

    /// <summary>Whether a super-block's factors are so far from the ends of a float's range that choices can be clear.</summary>
    /// <param name="sums">Their sums by lane, which keep what is infinite or no number.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool AreSafe(TF sums) =>
        TI.MaskBits(TF.GreaterThan(TF.Broadcast(FarFromInfinite), sums)) == uint.MaxValue >> (32 - TF.Count);

    /// <summary>The same for a sub-block's greatest magnitude and scale.</summary>
    public static bool AreSafe(float magnitude, float scale) => magnitude < FarFromInfinite && scale < FarFromInfinite;

    /// <summary>Prepares the choice of a group's points.</summary>
    /// <param name="scratch">Has the super-block's magnitudes and factors.</param>
    /// <param name="start">The group's first weight.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void StartGroup(ref GridScratch scratch, int start)
    {
        ref float factors = ref scratch.Roots[start];
        ref float products = ref scratch.RootProducts[start];
        for (int k = 0; k < GridScratch.Tables; k++)
        {
            for (int e = 0; e < EntriesUsed; e += TF.Count)
            {
                TF slopes;
                TF offsets;
                if (PairsWeights)
                {
                    slopes = (TF.Broadcast(Unsafe.Add(ref factors, 2 * k)) * TF.Load(in Squares[e]))
                        + (TF.Broadcast(Unsafe.Add(ref factors, (2 * k) + 1)) * TF.Load(in NextSquares[e]));
                    offsets = (TF.Broadcast(Unsafe.Add(ref products, 2 * k)) * TF.Load(in Levels[e]))
                        + (TF.Broadcast(Unsafe.Add(ref products, (2 * k) + 1)) * TF.Load(in NextLevels[e]));
                }
                else
                {
                    slopes = TF.Broadcast(Unsafe.Add(ref factors, k)) * TF.Load(in Squares[e]);
                    offsets = TF.Broadcast(Unsafe.Add(ref products, k)) * TF.Load(in Levels[e]);
                }
                slopes.Store(ref scratch.SlopeTables[(k * GridScratch.TableRow) + e]);
                (-(offsets + offsets)).Store(ref scratch.OffsetTables[(k * GridScratch.TableRow) + e]);
            }
        }
        float energy = 0;
        for (int i = 0; i < TFormat.Dimensions; i++)
            energy += Unsafe.Add(ref products, i) * scratch.Magnitudes[start + i];
        scratch.Energy = energy;
    }

    /// <summary>Finds the nearest point under consecutive scales.</summary>
    /// <param name="scratch">Has the scales, and the group's tables.</param>
    /// <param name="list">The points: see <see cref="GridCandidates.ListAt"/>.</param>
    /// <param name="low">The first scale.</param>
    /// <param name="high">The last one.</param>
    /// <param name="codes">Receives the point's code under each scale from the first on, with more after the last one.</param>
    /// <returns>A bit for each scale under which the point is clear.</returns>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static uint Nearest(ref GridScratch scratch, ref readonly int list, int low, int high, ref int codes)
    {
        int count = list;
        int padded = (count + Unroll - 1) & -Unroll;
        ref int points = ref Unsafe.Add(ref Unsafe.AsRef(in list), 1);
        for (int j = 0; j < padded; j += TF.Count)
        {
            TI code = TI.Load(in Unsafe.Add(ref points, j));
            Sum(ref scratch.SlopeTables[0], code).Store(ref scratch.Slopes[j]);
            TI isPoint = TI.GreaterThan(TI.Broadcast(count - j), TI.Load(in MemoryMarshal.GetReference(Positions)));
            TF.Select(isPoint, Sum(ref scratch.OffsetTables[0], code), TF.Broadcast(FarAbove)).Store(ref scratch.Offsets[j]);
        }
        TF error = TF.Broadcast((2 * SurelyGreater * scratch.Energy) + FarFromDenormal);
        uint clear = 0;
        for (int step = low; step <= high; step += TF.Count)
        {
            TF scale = TF.Load(in scratch.Scales[step]);
            TF best = TF.Broadcast(float.MaxValue);
            TF second = best;
            TI nearest = TI.Broadcast(0);
            ref float slopes = ref scratch.Slopes[0];
            ref float offsets = ref scratch.Offsets[0];
            // Few lists differ in the number of these steps, so the processor can predict when this ends.
            for (int j = 0; j < padded; j += Unroll)
            {
                Take(scale, ref slopes, ref offsets, ref points, j, ref best, ref second, ref nearest);
                Take(scale, ref slopes, ref offsets, ref points, j + 1, ref best, ref second, ref nearest);
                Take(scale, ref slopes, ref offsets, ref points, j + 2, ref best, ref second, ref nearest);
                Take(scale, ref slopes, ref offsets, ref points, j + 3, ref best, ref second, ref nearest);
                if (Unroll == 4)
                    continue;
                Take(scale, ref slopes, ref offsets, ref points, j + 4, ref best, ref second, ref nearest);
                Take(scale, ref slopes, ref offsets, ref points, j + 5, ref best, ref second, ref nearest);
                Take(scale, ref slopes, ref offsets, ref points, j + 6, ref best, ref second, ref nearest);
                Take(scale, ref slopes, ref offsets, ref points, j + 7, ref best, ref second, ref nearest);
            }
            nearest.Store(ref Unsafe.Add(ref codes, step - low));
            TF lead = (TF.Broadcast(SurelyGreater) * best) + (error * TF.Load(in scratch.Inverses[step]));
            clear |= TF.GreaterThanBits(second - best, lead) << step;
        }
        return clear;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Take(
        TF scale, ref float slopes, ref float offsets, ref int points, int j, ref TF best, ref TF second, ref TI nearest)
    {
        TF line = TF.MultiplyAddEstimate(scale, TF.Broadcast(Unsafe.Add(ref slopes, j)), TF.Broadcast(Unsafe.Add(ref offsets, j)));
        nearest = TI.Select(TF.GreaterThan(best, line), TI.Broadcast(Unsafe.Add(ref points, j)), nearest);
        second = TF.Min(second, TF.Max(best, line));
        best = TF.Min(best, line);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TF Sum(ref float tables, TI code) =>
        (Entry(ref tables, code) + Entry(ref Unsafe.Add(ref tables, GridScratch.TableRow), code >>> EntryBits))
            + (Entry(ref Unsafe.Add(ref tables, 2 * GridScratch.TableRow), code >>> (2 * EntryBits))
                + Entry(ref Unsafe.Add(ref tables, 3 * GridScratch.TableRow), code >>> (3 * EntryBits)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TF Entry(ref float table, TI index) => PairsWeights ? TF.Lookup16(in table, index) : TF.Lookup8(in table, index);
}
