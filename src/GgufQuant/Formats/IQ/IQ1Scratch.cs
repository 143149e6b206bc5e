using System.Diagnostics.CodeAnalysis;
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

    /// <summary>For each group, whether any weight has a nearer level than the one it rounds to, as a mask.</summary>
    public IQ1GroupRows IsStray;

    /// <summary>The groups off the grid that are not stray: their numbers, sub-block after sub-block.</summary>
    public IQ1GroupRows OffGrid;

    /// <summary>The stray groups off the grid.</summary>
    public IQ1GroupRows Strays;

    /// <summary>Costs for <see cref="GridSearch{TF, TI}"/>.</summary>
    public IQ1Costs Costs;

    /// <summary>The sums of all splits.</summary>
    public TSums Sums;

    /// <summary>By the first boundary: see <see cref="IQ1SplitSearch{TF, TI, TSums}"/>.</summary>
    public IQ1Table Slopes;

    /// <summary>By the first boundary.</summary>
    public IQ1Table Middles;

    /// <summary>By the second boundary.</summary>
    public IQ1Table Uppers;

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
/// <param name="bits">The split.</param>
/// <param name="lanes">Where, as bits, the first lane lowest.</param>
internal readonly struct IQ1NearSplit(int bits, uint lanes)
{
    /// <summary>From the bits of a split to those of the one with the next second boundary.</summary>
    public const int Next = 1 << 8;

    private readonly int _bits = bits;

    /// <summary>The rank of the first weight of level 0.</summary>
    public int Middle => _bits >> 16;

    /// <summary>The rank of the first weight of level 1.</summary>
    public int Upper => (_bits >> 8) & 0xFF;

    /// <summary>The index of the combination of shifts.</summary>
    public int Shift => _bits & 0xFF;

    /// <summary>Where the split comes near.</summary>
    public uint Lanes { get; } = lanes;

    /// <summary>A split as bits, so that a list of splits takes few instructions to write.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Bits(int middle, int upper, int shift) => (middle << 16) | (upper << 8) | shift;
}

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
internal struct IQ1Table
{
    private float _first;

    /// <summary>The rows of a rank, one per shift.</summary>
    [UnscopedRef]
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ref float RowsOf<TF, TI>(int rank, int shifts)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF> => ref Unsafe.Add(ref _first, rank * shifts * TF.Count);
}
