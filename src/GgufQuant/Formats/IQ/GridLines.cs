using System.Numerics;
using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>Chooses among the points near a group of weights under several scales at once, and says where rounding cannot matter.</summary>
/// <remarks>
/// <para>
/// A point's cost Σ factor · (scale · level − magnitude)² is scale · (scale · slope − offset) + E, with the slope
/// Σ factor · level², the offset 2 · Σ factor · magnitude · level and E = Σ factor · magnitude², which is the same for all.
/// So a point is a line over the scale, and the lowest line is the nearest point. Lines are made from tables of which one
/// entry covers up to two weights.
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
/// <para>
/// If it is one point under the first scale and another under the last, all others are at least that much farther away
/// than one of the two, if under some scale between they are so than both: up to that scale compare them with the one, after it
/// with the other. Any scale between will do, and where the two lines cross is the best. What remains is to compare the two.
/// </para>
/// <para>The least of the scales has the greatest error, which goes for all of them.</para>
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

    // Where the tables of offsets start in those of a group.
    private const int OffsetTables = GridBatch.Tables * GridBatch.TableRow;

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

    // −2 · level.
    private static ReadOnlySpan<float> Offsets
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => PairsWeights
        ? [-2, -6, -10, -14, -2, -6, -10, -14, -2, -6, -10, -14, -2, -6, -10, -14]
        : [-2, -6, -10, -14, -18, -22, -26, -30, -2, -6, -10, -14, -18, -22, -26, -30];
    }

    private static ReadOnlySpan<float> Squares
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => PairsWeights
        ? [1, 9, 25, 49, 1, 9, 25, 49, 1, 9, 25, 49, 1, 9, 25, 49]
        : [1, 9, 25, 49, 81, 121, 169, 225, 1, 9, 25, 49, 81, 121, 169, 225];
    }

    private static ReadOnlySpan<float> NextOffsets
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => [-2, -2, -2, -2, -6, -6, -6, -6, -10, -10, -10, -10, -14, -14, -14, -14];
    }

    private static ReadOnlySpan<float> NextSquares
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => [1, 1, 1, 1, 9, 9, 9, 9, 25, 25, 25, 25, 49, 49, 49, 49];
    }

    private static bool PairsWeights
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TFormat.Dimensions == 8;
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

    /// <summary>Prepares the choice of the points of a batch.</summary>
    /// <param name="scratch">Has the super-block's magnitudes and factors.</param>
    /// <param name="batch">Has the scales; receives the tables.</param>
    /// <param name="start">The first group's first weight.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void StartGroups(ref GridScratch scratch, ref GridBatch batch, int start)
    {
        for (int e = 0; e < EntriesUsed; e += TF.Count)
        {
            TF squares = TF.Load(in Squares[e]);
            TF offsets = TF.Load(in Offsets[e]);
            TF nextSquares = TF.Load(in NextSquares[e]);
            TF nextOffsets = TF.Load(in NextOffsets[e]);
            ref float factor = ref scratch.Roots[start];
            ref float product = ref scratch.RootProducts[start];
            ref float slope = ref batch.LineTables[e];
            for (int g = 0; g < GridBatch.Groups; g++)
            {
                for (int k = 0; k < GridBatch.Tables; k++)
                {
                    if (PairsWeights)
                    {
                        TF.MultiplyAddEstimate(TF.Broadcast(factor), squares, TF.Broadcast(Unsafe.Add(ref factor, 1)) * nextSquares).Store(ref slope);
                        TF.MultiplyAddEstimate(TF.Broadcast(product), offsets, TF.Broadcast(Unsafe.Add(ref product, 1)) * nextOffsets)
                            .Store(ref Unsafe.Add(ref slope, OffsetTables));
                        factor = ref Unsafe.Add(ref factor, 2);
                        product = ref Unsafe.Add(ref product, 2);
                    }
                    else
                    {
                        (TF.Broadcast(factor) * squares).Store(ref slope);
                        (TF.Broadcast(product) * offsets).Store(ref Unsafe.Add(ref slope, OffsetTables));
                        factor = ref Unsafe.Add(ref factor, 1);
                        product = ref Unsafe.Add(ref product, 1);
                    }
                    slope = ref Unsafe.Add(ref slope, GridBatch.TableRow);
                }
                slope = ref Unsafe.Add(ref slope, OffsetTables);
            }
        }
        ref float inverses = ref batch.Inverses[0];
        ref float errors = ref batch.Errors[0];
        for (int g = 0; g < GridBatch.Groups; g++)
        {
            float energy = 0;
            for (int i = 0; i < TFormat.Dimensions; i++)
                energy += scratch.Energies[start + i];
            start += TFormat.Dimensions;
            TF error = TF.Broadcast((2 * SurelyGreater * energy) + FarFromDenormal);
            for (int step = 0; step < (2 * TFormat.Reach) + 1; step += TF.Count)
                (error * TF.Load(in Unsafe.Add(ref inverses, step))).Store(ref Unsafe.Add(ref errors, step));
            inverses = ref Unsafe.Add(ref inverses, GridBatch.MaxSteps);
            errors = ref Unsafe.Add(ref errors, GridBatch.MaxSteps);
        }
    }

    /// <summary>Finds the points that may be the nearest under the first and the last of some consecutive scales.</summary>
    /// <remarks>If it is one and the same, it is the nearest between them, too.</remarks>
    /// <param name="list">The points, no more than lanes: see <see cref="GridCandidates.ListAt"/>.</param>
    /// <param name="tables">The group's tables.</param>
    /// <param name="firstScale">The first scale.</param>
    /// <param name="lastScale">The last one.</param>
    /// <param name="error">What cannot be told apart.</param>
    /// <param name="near">Receives a bit for each under the first, then under the last.</param>
    /// <returns>The code of the first of them.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int NearestOfEnds(ref int list, ref float tables, TF firstScale, TF lastScale, TF error, out int near)
    {
        MakeLines(ref list, 0, ref tables, out TF slope, out TF offset);
        TF first = TF.MultiplyAddEstimate(firstScale, slope, offset);
        TF last = TF.MultiplyAddEstimate(lastScale, slope, offset);
        uint nearFirst = TF.GreaterThanBits(Limit(TF.MinToAll(first), error), first);
        uint nearLast = TF.GreaterThanBits(Limit(TF.MinToAll(last), error), last);
        near = (int)(nearFirst | (nearLast << 16));
        return Unsafe.Add(ref Unsafe.Add(ref list, 1), (nint)(uint)BitOperations.TrailingZeroCount(nearFirst));
    }

    /// <summary>Finds the point that is the nearest under the first and the last of some consecutive scales, and so between them.</summary>
    /// <param name="batch">Has room for their lines.</param>
    /// <param name="list">The points: see <see cref="GridCandidates.ListAt"/>.</param>
    /// <param name="tables">The group's tables.</param>
    /// <param name="firstScale">The first scale.</param>
    /// <param name="lastScale">The last one.</param>
    /// <param name="error">What cannot be told apart.</param>
    /// <param name="changes">Receives 1 if there is none, or it is not clear; else 0.</param>
    /// <returns>Its code.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int NearestOfManyThroughout(
        ref GridBatch batch, ref int list, ref float tables, TF firstScale, TF lastScale, TF error, out int changes)
    {
        int count = list;
        TF first = TF.Broadcast(float.MaxValue);
        TF last = first;
        for (int j = 0; j < count; j += TF.Count)
        {
            MakeLines(ref list, j, ref tables, out TF slope, out TF offset);
            slope.Store(ref batch.Slopes[j]);
            offset.Store(ref batch.Offsets[j]);
            first = TF.Min(first, TF.MultiplyAddEstimate(firstScale, slope, offset));
            last = TF.Min(last, TF.MultiplyAddEstimate(lastScale, slope, offset));
        }
        TF firstLimit = Limit(TF.MinToAll(first), error);
        TF lastLimit = Limit(TF.MinToAll(last), error);
        int at = 0;
        int nears = -1;
        uint differences = 0;
        for (int j = 0; j < count; j += TF.Count)
        {
            TF slope = TF.Load(in batch.Slopes[j]);
            TF offset = TF.Load(in batch.Offsets[j]);
            uint nearFirst = TF.GreaterThanBits(firstLimit, TF.MultiplyAddEstimate(firstScale, slope, offset));
            uint nearLast = TF.GreaterThanBits(lastLimit, TF.MultiplyAddEstimate(lastScale, slope, offset));
            differences |= nearFirst ^ nearLast;
            nears += BitOperations.PopCount(nearFirst);
            at += (j + BitOperations.TrailingZeroCount(nearFirst)) & ((int)(nearFirst | (0 - nearFirst)) >> 31);
        }
        int all = nears | (int)differences;
        changes = (all | -all) >>> 31;
        // Where several may be the nearest, their positions add up to none.
        return Unsafe.Add(ref list, 1 + (at & ~(-nears >> 31)));
    }

    /// <summary>Finds the nearest of two points under each of some consecutive scales, and which others may be as near.</summary>
    /// <param name="batch">Has room for the points' lines.</param>
    /// <param name="list">The points: see <see cref="GridCandidates.ListAt"/>.</param>
    /// <param name="tables">The group's tables.</param>
    /// <param name="near">The two, as received from <see cref="NearestOfEnds"/>.</param>
    /// <param name="scales">The first scale.</param>
    /// <param name="errors">What cannot be told apart under it.</param>
    /// <param name="steps">The number of scales.</param>
    /// <param name="codes">Receives the point's code under each scale.</param>
    /// <param name="clear">Receives a bit for each scale under which the point is clear.</param>
    /// <returns>0 if all others are farther away, and each end has one nearest point.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe uint NearestOfTwo(
        ref GridBatch batch,
        ref int list,
        ref float tables,
        int near,
        ref float scales,
        ref float errors,
        int steps,
        int* codes,
        out uint clear)
    {
        uint nearFirst = (uint)near & ushort.MaxValue;
        uint nearLast = (uint)near >> 16;
        clear = 0;
        ref float slopes = ref batch.Slopes[0];
        ref float offsets = ref batch.Offsets[0];
        MakeLines(ref list, 0, ref tables, out TF slope, out TF offset);
        slope.Store(ref slopes);
        offset.Store(ref offsets);
        nint p = (nint)(uint)BitOperations.TrailingZeroCount(nearFirst);
        nint q = (nint)(uint)BitOperations.TrailingZeroCount(nearLast);
        TF slopeP = TF.Broadcast(Unsafe.Add(ref slopes, p));
        TF slopeQ = TF.Broadcast(Unsafe.Add(ref slopes, q));
        TF offsetP = TF.Broadcast(Unsafe.Add(ref offsets, p));
        TF offsetQ = TF.Broadcast(Unsafe.Add(ref offsets, q));
        TF crossing = TF.Min(
            TF.Max((offsetQ - offsetP) / (slopeP - slopeQ), TF.Broadcast(Unsafe.Add(ref scales, steps - 1))), TF.Broadcast(scales));
        TF greater = TF.Max(TF.MultiplyAddEstimate(crossing, slopeP, offsetP), TF.MultiplyAddEstimate(crossing, slopeQ, offsetQ));
        TF limit = Limit(greater, TF.Broadcast(Unsafe.Add(ref errors, steps - 1)));
        uint far = TF.GreaterThanBits(TF.MultiplyAddEstimate(crossing, slope, offset), limit);
        TI codeP = TI.Broadcast(Unsafe.Add(ref list, p + 1));
        TI codeQ = TI.Broadcast(Unsafe.Add(ref list, q + 1));
        for (int step = 0; step < steps; step += TF.Count)
        {
            TF scale = TF.Load(in Unsafe.Add(ref scales, step));
            TF lineP = TF.MultiplyAddEstimate(scale, slopeP, offsetP);
            TF lineQ = TF.MultiplyAddEstimate(scale, slopeQ, offsetQ);
            TF lead = TF.MultiplyAddEstimate(TF.Broadcast(SurelyGreater), TF.Min(lineP, lineQ), TF.Load(in Unsafe.Add(ref errors, step)));
            clear |= TF.GreaterThanBits(TF.Abs(lineP - lineQ), lead) << step;
            TF.SelectGreater(lineP, lineQ, codeQ, codeP).StoreFirst(steps - step, codes + step);
        }
        uint others = (uint.MaxValue >> (32 - TF.Count)) & ~(far | nearFirst | nearLast);
        return others | (nearFirst & (nearFirst - 1)) | (nearLast & (nearLast - 1));
    }

    // The lines of points from the given one of a list on; those after the last one lie above all others.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MakeLines(ref int list, int from, ref float tables, out TF slope, out TF offset) =>
        MakeLines(TI.Load(in Unsafe.Add(ref list, 1 + from)), list - from, ref tables, out slope, out offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void MakeLines(TI codes, int count, ref float tables, out TF slope, out TF offset)
    {
        TI second = codes >>> EntryBits;
        TI third = codes >>> (2 * EntryBits);
        TI fourth = codes >>> (3 * EntryBits);
        slope = (Entry(ref tables, 0, codes) + Entry(ref tables, 1, second)) + (Entry(ref tables, 2, third) + Entry(ref tables, 3, fourth));
        TF ofPoints = (Entry(ref tables, 4, codes) + Entry(ref tables, 5, second)) + (Entry(ref tables, 6, third) + Entry(ref tables, 7, fourth));
        offset = TI.SelectGreater(
            TI.Broadcast(count), BlockLanes<TF, TI>.Numbers, ofPoints, TF.Broadcast(FarAbove));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TF Limit(TF line, TF error) => TF.MultiplyAddEstimate(line, TF.Broadcast(1 + SurelyGreater), error);

    /// <summary>Finds the nearest point under each of some consecutive scales.</summary>
    /// <param name="batch">Has room for the points' lines.</param>
    /// <param name="list">The points: see <see cref="GridCandidates.ListAt"/>.</param>
    /// <param name="tables">The group's tables.</param>
    /// <param name="scales">The first scale.</param>
    /// <param name="errors">What cannot be told apart under it.</param>
    /// <param name="steps">The number of scales.</param>
    /// <param name="codes">Receives the point's code under each scale.</param>
    /// <returns>A bit for each scale under which the point is clear.</returns>
    // Callers would exceed what the compiler inlines.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static unsafe uint Nearest(
        ref GridBatch batch,
        ref int list,
        ref float tables,
        ref float scales,
        ref float errors,
        int steps,
        int* codes)
    {
        int padded = (list + 3) & -4;
        for (int j = 0; j < padded; j += TF.Count)
        {
            MakeLines(ref list, j, ref tables, out TF slope, out TF offset);
            slope.Store(ref batch.Slopes[j]);
            offset.Store(ref batch.Offsets[j]);
        }
        uint clear = 0;
        for (int step = 0; step < steps; step += TF.Count)
        {
            TF scale = TF.Load(in Unsafe.Add(ref scales, step));
            TF best = TF.Broadcast(float.MaxValue);
            TF second = best;
            TI nearest = TI.Broadcast(0);
            ref float slopes = ref batch.Slopes[0];
            ref float offsets = ref batch.Offsets[0];
            ref int point = ref Unsafe.Add(ref list, 1);
            for (int j = 0; j < padded; j += 4)
            {
                Take(scale, ref slopes, ref offsets, ref point, 0, ref best, ref second, ref nearest);
                Take(scale, ref slopes, ref offsets, ref point, 1, ref best, ref second, ref nearest);
                Take(scale, ref slopes, ref offsets, ref point, 2, ref best, ref second, ref nearest);
                Take(scale, ref slopes, ref offsets, ref point, 3, ref best, ref second, ref nearest);
                slopes = ref Unsafe.Add(ref slopes, 4);
                offsets = ref Unsafe.Add(ref offsets, 4);
                point = ref Unsafe.Add(ref point, 4);
            }
            TF lead = TF.MultiplyAddEstimate(TF.Broadcast(SurelyGreater), best, TF.Load(in Unsafe.Add(ref errors, step)));
            clear |= TF.GreaterThanBits(second - best, lead) << step;
            nearest.StoreFirst(steps - step, codes + step);
        }
        return clear;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Take(
        TF scale, ref float slopes, ref float offsets, ref int points, int j, ref TF best, ref TF second, ref TI nearest)
    {
        TF line = TF.MultiplyAddEstimate(scale, TF.Broadcast(Unsafe.Add(ref slopes, j)), TF.Broadcast(Unsafe.Add(ref offsets, j)));
        nearest = TF.SelectGreater(best, line, TI.Broadcast(Unsafe.Add(ref points, j)), nearest);
        second = TF.Min(second, TF.Max(best, line));
        best = TF.Min(best, line);
    }

    /// <summary>Finds the nearest point under one scale.</summary>
    /// <typeparam name="TCode">The type of the list's numbers: 16 or 32 bits.</typeparam>
    /// <param name="scratch">Has the super-block's magnitudes and factors.</param>
    /// <param name="batch">Has the group's tables, and room for costs.</param>
    /// <param name="list">The points: see <see cref="GridNeighbours.ListAt"/> or <see cref="GridCandidates.ListAt"/>.</param>
    /// <param name="start">The group's first weight.</param>
    /// <param name="group">The group.</param>
    /// <param name="scale">The scale.</param>
    /// <param name="error">What cannot be told apart.</param>
    /// <returns>The point's code.</returns>
    // Callers would exceed what the compiler inlines.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static int NearestAt<TCode>(
        ref GridScratch scratch, ref GridBatch batch, ref readonly TCode list, int start, int group, float scale, float error)
        where TCode : unmanaged, IBinaryInteger<TCode>
    {
        int count = int.CreateTruncating(list);
        ref TCode points = ref Unsafe.Add(ref Unsafe.AsRef(in list), 1);
        ref float tables = ref batch.LineTables[group * GridBatch.LineTablesSize];
        TF best = TF.Broadcast(float.MaxValue);
        TF second = best;
        TI bestCode = TI.Broadcast(0);
        for (int j = 0; j < count; j += TF.Count)
        {
            TI codes = GridSearch<TF, TI>.Codes(ref Unsafe.Add(ref points, j));
            MakeLines(codes, count - j, ref tables, out TF slope, out TF offset);
            TF line = TF.MultiplyAddEstimate(TF.Broadcast(scale), slope, offset);
            bestCode = TF.SelectGreater(best, line, codes, bestCode);
            second = TF.Min(second, TF.Max(best, line));
            best = TF.Min(best, line);
        }
        TF limit = Limit(TF.MinToAll(best), TF.Broadcast(error));
        uint near = TF.GreaterThanBits(limit, best);
        // Nothing is certain where factors or magnitudes are not safe.
        if (batch.Certain[group] != 0 && scale < FarFromInfinite && BitOperations.IsPow2(near) && TF.GreaterThanBits(limit, second) == 0)
        {
            ref int codes = ref Unsafe.As<float, int>(ref batch.Costs[0]);
            bestCode.Store(ref codes);
            return Unsafe.Add(ref codes, BitOperations.TrailingZeroCount(near));
        }
        return NearestExactly(ref scratch, ref batch, in list, start, scale);
    }

    /// <summary>The same with costs added up in ggml's order.</summary>
    /// <typeparam name="TCode">The type of the list's numbers: 16 or 32 bits.</typeparam>
    /// <param name="scratch">Has the super-block's magnitudes and factors.</param>
    /// <param name="batch">Has room for costs.</param>
    /// <param name="list">The points: see <see cref="GridNeighbours.ListAt"/> or <see cref="GridCandidates.ListAt"/>.</param>
    /// <param name="start">The group's first weight.</param>
    /// <param name="scale">The scale.</param>
    /// <returns>The point's code.</returns>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static int NearestExactly<TCode>(ref GridScratch scratch, ref GridBatch batch, ref readonly TCode list, int start, float scale)
        where TCode : unmanaged, IBinaryInteger<TCode>
    {
        int code = GridSearch<TF, TI>.Nearest(
            in list,
            TFormat.Dimensions,
            in scratch.Magnitudes[start],
            in scratch.Roots[start],
            in Levels[0],
            scale,
            ref batch.Costs[0]);
        return code >= 0 ? code : throw Unrepresentable();
    }

    /// <summary>The error of weights whose costs are beyond a float's range.</summary>
    public static ArithmeticException Unrepresentable() =>
        new($"The weights cannot be quantized to {TFormat.Name}: some squares times their importance overflow a float.");

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TF Entry(ref float tables, int table, TI index) => PairsWeights
        ? TF.Lookup16(in Unsafe.Add(ref tables, table * GridBatch.TableRow), index)
        : TF.Lookup8(in Unsafe.Add(ref tables, table * GridBatch.TableRow), index);
}
