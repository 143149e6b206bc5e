using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>The stack memory of the search over a batch of sub-blocks: one per lane.</summary>
internal struct IQ1Scratch<TSums>
    where TSums : struct, IIQ1Sums
{
    /// <summary>The weights, a row for each.</summary>
    public IQ1Rows Weights;

    /// <summary>Their importance.</summary>
    public IQ1Rows Factors;

    /// <summary>The weights by rank.</summary>
    public IQ1Rows SortedWeights;

    /// <summary>Their importance.</summary>
    public IQ1Rows SortedFactors;

    /// <summary>The index of the weight at each rank.</summary>
    public IQ1Rows Order;

    /// <summary>The same, lane after lane.</summary>
    public IQ1Rows LaneOrder;

    /// <summary>The weights by rank or their importance, lane after lane.</summary>
    public IQ1Rows LaneSorted;

    /// <summary>The code that each group rounds to, or that of the point it is moved to.</summary>
    public IQ1GroupRows Codes;

    /// <summary>For each group, -1 if the levels are shifted down, else 1.</summary>
    public IQ1GroupRows Shifts;

    /// <summary>The groups that are off the grid: their numbers, sub-block after sub-block.</summary>
    public IQ1GroupRows OffGrid;

    /// <summary>Costs for <see cref="GridSearch{TF, TI}"/>.</summary>
    public IQ1Costs Costs;

    /// <summary>The sums of all splits.</summary>
    public TSums Sums;

    /// <summary>By the first boundary: see <see cref="IQ1SplitSearch{TF, TI, TSums}"/>.</summary>
    public IQ1Table<TSums> Slopes;

    /// <summary>By the first boundary.</summary>
    public IQ1Table<TSums> Middles;

    /// <summary>By the second boundary.</summary>
    public IQ1Table<TSums> Uppers;

    /// <summary>The splits near the greatest score.</summary>
    public IQ1NearSplits Near;
}

/// <summary>Numbers by group of eight weights: one row per group, one lane per sub-block.</summary>
// One more, to write in advance.
[InlineArray((4 * 16) + 16)]
internal struct IQ1GroupRows
{
    private int _first;
}

/// <summary>A row for each weight of a group.</summary>
[InlineArray(8 * GridSearch<FloatLane, IntLane>.Row)]
internal struct IQ1Costs
{
    private float _first;
}

/// <summary>A split that comes near the greatest score.</summary>
/// <param name="Middle">The rank of the first weight of level 0.</param>
/// <param name="Upper">The rank of the first weight of level 1.</param>
/// <param name="Shift">The index of the combination of shifts.</param>
/// <param name="Lanes">Where, as bits, the first lane lowest.</param>
internal readonly record struct IQ1NearSplit(int Middle, int Upper, int Shift, uint Lanes);

/// <summary>A list of splits.</summary>
// The 561 of two shifts, or the 153 of four, and one more to write in advance.
[InlineArray((2 * 561) + 1)]
internal struct IQ1NearSplits
{
    private IQ1NearSplit _first;
}

/// <summary>Numbers by rank and by shift.</summary>
// The 33 boundaries of two shifts, or the 17 of four, for the widest lanes.
[InlineArray(17 * 4 * 16)]
internal struct IQ1Table<TSums>
    where TSums : struct, IIQ1Sums
{
    private float _first;

    /// <summary>Reads a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly TF At<TF, TI>(int rank, int shift)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF> =>
        TF.Load(in Unsafe.Add(ref Unsafe.AsRef(in _first), ((rank * TSums.Shifts) + shift) * TF.Count));

    /// <summary>Writes a row.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Set<TF, TI>(int rank, int shift, TF value)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF> =>
        value.Store(ref Unsafe.Add(ref _first, ((rank * TSums.Shifts) + shift) * TF.Count));
}
