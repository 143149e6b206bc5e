using System.Numerics;
using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>Moves the groups that a scale rounded off the grid to the nearest point, for many groups and all scales at once.</summary>
/// <remarks>
/// Under consecutive scales a group rounds to one code: a run. How many runs a group has, how many candidates a code has, and
/// whether one point is the nearest under all scales of a run, no processor can predict. So the runs of sixteen groups are
/// listed first, and those that need more work are listed again: each loop does the same over and over.
/// </remarks>
internal static class GridRuns<TFormat, TF, TI>
    where TFormat : struct, IGridFormat
    where TF : struct, IFloatLanes<TF, TI>
    where TI : struct, IIntLanes<TI, TF>
{
    private const int EndShift = 16;

    private static int Steps
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => (2 * TFormat.Reach) + 1;
    }

    // Whether most codes have no more candidates than there are lanes.
    private static bool MostFitLanes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TF.Count == 16 || (TFormat.Dimensions == 4 && TF.Count == 8);
    }

    private static int GroupsOfSubBlock
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TFormat.ScaleRun / TFormat.Dimensions;
    }

    /// <summary>Finds the points of all groups under all scales.</summary>
    /// <param name="scratch">Has the super-block's magnitudes and factors.</param>
    /// <param name="batch">Has the scales and what groups rounded to under them; receives points, and what changes.</param>
    /// <param name="neighbours">The points near each code.</param>
    /// <param name="candidates">Those of them that can be the nearest.</param>
    /// <param name="firstGroup">The super-block's first group of the batch.</param>
    /// <param name="zeros">A bit for each sub-block to leave out.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static unsafe void FindPoints(
        ref GridScratch scratch, ref GridBatch batch, GridNeighbours neighbours, GridCandidates candidates, int firstGroup, uint zeros)
    {
        GridLines<TFormat, TF, TI>.StartGroups(ref scratch, ref batch, firstGroup * TFormat.Dimensions);
        ((Span<uint>)batch.Unclear).Clear();
        // The batch is on the stack, so it does not move. Pointers spare the checks for null that references to such a large struct take.
        GridBatch* memory = (GridBatch*)Unsafe.AsPointer(ref batch);
        int count = ListOffGrid(memory, candidates, List(ref batch, zeros));
        int rest;
        if (MostFitLanes)
        {
            SearchEnds(memory, candidates, count);
            int changing = ListChanging(ref batch, count, out int big);
            rest = SearchEndsOfBig(memory, candidates, big);
            rest += SearchTwo(memory, candidates, changing, rest);
        }
        else
        {
            for (int n = 0; n < count; n += TF.Count)
                (BlockLanes<TF, TI>.Numbers + TI.Broadcast(n)).Store(ref batch.Rest[n]);
            rest = SearchEndsOfBig(memory, candidates, count);
        }
        SearchEach(memory, candidates, rest);
        FindUnclear(ref scratch, ref batch, neighbours, candidates, firstGroup, zeros);
        for (int g = 0; g < GridBatch.Groups; g++)
        {
            uint changes = Changes(ref batch.Codes[g * GridBatch.MaxSteps]);
            uint unclear = batch.Unclear[g];
            batch.Steady[g] = ~(batch.Changes[g] | unclear | (unclear >> 1) | changes);
            batch.Changes[g] = changes;
            uint onGrid = 0;
            for (int step = 0; step < Steps; step += TF.Count)
            {
                int at = (g * GridBatch.MaxSteps) + step;
                onGrid |= TI.EqualBits(TI.Load(in batch.Rounded[at]), TI.Load(in batch.Codes[at])) << step;
            }
            batch.OffGrid[g] = ~onGrid;
        }
    }

    // Lists the runs, and returns their number. All codes are points at first.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int List(ref GridBatch batch, uint zeros)
    {
        int count = 0;
        int ended = 0;
        for (int g = 0; g < GridBatch.Groups; g++)
        {
            if ((zeros >> (g / GroupsOfSubBlock) & 1) != 0)
                continue;
            ref int rounded = ref batch.Rounded[g * GridBatch.MaxSteps];
            uint changes = Changes(ref rounded);
            batch.Changes[g] = changes;
            uint starts = (changes << 1) | 1;
            uint ends = changes | (1u << (Steps - 1));
            for (int step = 0; step < Steps; step += TF.Count)
            {
                TI codes = TI.Load(in Unsafe.Add(ref rounded, step));
                codes.Store(ref batch.Codes[(g * GridBatch.MaxSteps) + step]);
                TI bounds = (BlockLanes<TF, TI>.Numbers + TI.Broadcast((g * GridBatch.MaxSteps) + step)) << EndShift;
                count += Append(codes | bounds, starts >> step, ref batch.Runs[count]);
                ended += Append(bounds, ends >> step, ref batch.Ends[ended]);
            }
        }
        return count;
    }

    // Appends the values with a set bit to a list, and returns their number.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Append(TI values, uint chosen, ref int list)
    {
        chosen &= uint.MaxValue >> (32 - TF.Count);
        CompressStore<TF, TI>.Store(TF.FromBits(values), BlockLanes<TF, TI>.MaskOf(chosen), ref Unsafe.As<int, float>(ref list));
        return BitOperations.PopCount(chosen);
    }

    // Lists the runs off the grid, and returns their number.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe int ListOffGrid(GridBatch* batch, GridCandidates candidates, int count)
    {
        int* runs = (int*)&batch->Runs;
        int* ends = (int*)&batch->Ends;
        int* bounds = (int*)&batch->Bounds;
        int* lists = (int*)&batch->Lists;
        ref int starts = ref candidates.Starts;
        int lastOfPoints = candidates.EndOfPoints - 1;
        nint offGrid = 0;
        for (nint n = 0; n < count; n++)
        {
            int list = Unsafe.Add(ref starts, runs[n] & ushort.MaxValue);
            bounds[offGrid] = (runs[n] >>> EndShift) | ends[n];
            lists[offGrid] = list;
            // Without a branch, for nobody could predict it.
            offGrid += (lastOfPoints - list) >>> 31;
        }
        return (int)offGrid;
    }

    // Finds the points that may be the nearest under each run's first and last scale, and sets one of them for all.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void SearchEnds(GridBatch* batch, GridCandidates candidates, int count)
    {
        int* bounds = (int*)&batch->Bounds;
        int* starts = (int*)&batch->Lists;
        int* sizes = (int*)&batch->Sizes;
        int* nearest = (int*)&batch->Nearest;
        float* scales = (float*)&batch->Scales;
        float* errors = (float*)&batch->Errors;
        ref int lists = ref candidates.Lists;
        for (nint n = 0; n < count; n++)
        {
            nint start = StartOf(bounds[n]);
            nint end = EndOf(bounds[n]);
            ref int list = ref Unsafe.Add(ref lists, starts[n]);
            sizes[n] = list;
            int code = GridLines<TFormat, TF, TI>.NearestOfEnds(
                ref list,
                ref *TablesOf(batch, start),
                TF.Broadcast(scales[start]),
                TF.Broadcast(scales[end]),
                TF.Broadcast(errors[end]),
                out nearest[n]);
            SetPoint(batch, code, start, end);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void SetPoint(GridBatch* batch, int code, nint start, nint end)
    {
        int* codes = (int*)&batch->Codes + start;
        int steps = (int)(end - start) + 1;
        for (int step = 0; step < steps; step += TF.Count)
            TI.Broadcast(code).StoreFirst(steps - step, codes + step);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int StartOf(int bounds) => bounds & ushort.MaxValue;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int EndOf(int bounds) => bounds >>> EndShift;

    // Lists the runs that may not keep a point, and apart from them those with more candidates than lanes.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int ListChanging(ref GridBatch batch, int count, out int big)
    {
        int changing = 0;
        big = 0;
        for (int n = 0; n < count; n += TF.Count)
        {
            TI near = TI.Load(in batch.Nearest[n]);
            TI first = near & TI.Broadcast(ushort.MaxValue);
            TI differences = (first ^ (near >>> 16)) | (first & (first - TI.Broadcast(1)));
            uint runs = uint.MaxValue >> (32 - Math.Min(TF.Count, count - n));
            uint isBig = runs & ~TI.MaskBits(TI.GreaterThan(TI.Broadcast(TF.Count + 1), TI.Load(in batch.Sizes[n])));
            uint isChanging = runs & ~(TI.EqualBits(differences, TI.Broadcast(0)) | isBig);
            TI numbers = BlockLanes<TF, TI>.Numbers + TI.Broadcast(n);
            big += Append(numbers, isBig, ref batch.Rest[big]);
            changing += Append(numbers, isChanging, ref batch.Changing[changing]);
        }
        return changing;
    }

    // Sets a point under all scales of the runs with more candidates than lanes. Keeps the runs that may not keep it in the list, and
    // returns their number.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe int SearchEndsOfBig(GridBatch* batch, GridCandidates candidates, int count)
    {
        int* runs = (int*)&batch->Rest;
        float* scales = (float*)&batch->Scales;
        float* errors = (float*)&batch->Errors;
        int rest = 0;
        for (int k = 0; k < count; k++)
        {
            int n = runs[k];
            int bounds = ((int*)&batch->Bounds)[n];
            nint start = StartOf(bounds);
            nint end = EndOf(bounds);
            int code = GridLines<TFormat, TF, TI>.NearestOfManyThroughout(
                ref *batch,
                ref Unsafe.Add(ref candidates.Lists, ((int*)&batch->Lists)[n]),
                ref *TablesOf(batch, start),
                TF.Broadcast(scales[start]),
                TF.Broadcast(scales[end]),
                TF.Broadcast(errors[end]),
                out int changes);
            SetPoint(batch, code, start, end);
            runs[rest] = n;
            rest += changes;
        }
        return rest;
    }

    // Finds the points of the runs that change from one to another. Lists those where others may come between, after so many that are
    // listed already, and returns their number.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe int SearchTwo(GridBatch* batch, GridCandidates candidates, int count, int listed)
    {
        int* rest = (int*)&batch->Rest + listed;
        int added = 0;
        for (int k = 0; k < count; k++)
        {
            int n = ((int*)&batch->Changing)[k];
            int bounds = ((int*)&batch->Bounds)[n];
            nint start = StartOf(bounds);
            int steps = EndOf(bounds) - (int)start + 1;
            uint others = GridLines<TFormat, TF, TI>.NearestOfTwo(
                ref *batch,
                ref Unsafe.Add(ref candidates.Lists, ((int*)&batch->Lists)[n]),
                ref *TablesOf(batch, start),
                ((int*)&batch->Nearest)[n],
                ref ((float*)&batch->Scales)[start],
                ref ((float*)&batch->Errors)[start],
                steps,
                (int*)&batch->Codes + start,
                out uint clear);
            // Without a branch: one in five has others, and the answer comes late.
            int hasOthers = (int)((others | (0 - others)) >> 31);
            rest[added] = n;
            added += hasOthers;
            AddUnclear(batch, start, ~clear & (uint)((1ul << steps) - 1) & (uint)(hasOthers - 1));
        }
        return added;
    }

    // Finds the points of runs under one scale after the other.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static unsafe void SearchEach(GridBatch* batch, GridCandidates candidates, int count)
    {
        for (int k = 0; k < count; k++)
        {
            int n = ((int*)&batch->Rest)[k];
            int bounds = ((int*)&batch->Bounds)[n];
            nint start = StartOf(bounds);
            int steps = EndOf(bounds) - (int)start + 1;
            uint clear = GridLines<TFormat, TF, TI>.Nearest(
                ref *batch,
                ref Unsafe.Add(ref candidates.Lists, ((int*)&batch->Lists)[n]),
                ref *TablesOf(batch, start),
                ref ((float*)&batch->Scales)[start],
                ref ((float*)&batch->Errors)[start],
                steps,
                (int*)&batch->Codes + start);
            AddUnclear(batch, start, ~clear & (uint)((1ul << steps) - 1));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void AddUnclear(GridBatch* batch, nint start, uint steps) =>
        ((uint*)&batch->Unclear)[start / GridBatch.MaxSteps] |= steps << (int)(start % GridBatch.MaxSteps);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe float* TablesOf(GridBatch* batch, nint start) =>
        (float*)&batch->LineTables + ((start & -GridBatch.MaxSteps) * (GridBatch.LineTablesSize / GridBatch.MaxSteps));

    // Finds the points that are not clear, and those of codes where a weight may as well round to the next level.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void FindUnclear(
        ref GridScratch scratch, ref GridBatch batch, GridNeighbours neighbours, GridCandidates candidates, int firstGroup, uint zeros)
    {
        uint groups = 0;
        for (int g = 0; g < GridBatch.Groups; g += TF.Count)
        {
            ref int unclear = ref Unsafe.As<uint, int>(ref batch.Unclear[g]);
            TI certain = TI.Load(in Unsafe.As<uint, int>(ref batch.Certain[g]));
            TI all = TI.Load(in unclear) | (TI.Broadcast((int)(uint.MaxValue >> (32 - Steps))) & ~certain);
            all.Store(ref unclear);
            groups |= (TI.EqualBits(all, TI.Broadcast(0)) ^ (uint.MaxValue >> (32 - TF.Count))) << g;
        }
        for (; groups != 0; groups &= groups - 1)
        {
            int g = BitOperations.TrailingZeroCount(groups);
            if ((zeros >> (g / GroupsOfSubBlock) & 1) != 0)
                continue;
            for (uint steps = batch.Unclear[g]; steps != 0; steps &= steps - 1)
            {
                int at = (g * GridBatch.MaxSteps) + BitOperations.TrailingZeroCount(steps);
                int code = batch.Rounded[at];
                int mapped = neighbours.Map[code];
                int start = (firstGroup + g) * TFormat.Dimensions;
                float scale = batch.Scales[at];
                if (mapped >= 0)
                    batch.Codes[at] = code;
                else if ((batch.Certain[g] >> (at % GridBatch.MaxSteps) & 1) != 0)
                    batch.Codes[at] = GridLines<TFormat, TF, TI>.NearestExactly(ref scratch, ref batch, in candidates.ListAt(code), start, scale);
                else
                    batch.Codes[at] = GridLines<TFormat, TF, TI>.NearestAt(ref scratch, ref batch, in neighbours.ListAt(mapped), start, g, scale, batch.Errors[at]);
            }
        }
    }

    // A bit for each scale under which a group has another code than under the next one.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Changes(ref int codes)
    {
        uint same = 0;
        for (int step = 0; step < Steps; step += TF.Count)
            same |= TI.EqualBits(TI.Load(in Unsafe.Add(ref codes, step)), TI.Load(in Unsafe.Add(ref codes, step + 1))) << step;
        return ~same & ((1u << (Steps - 1)) - 1);
    }
}
