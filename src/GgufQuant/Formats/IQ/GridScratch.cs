using System.Runtime.CompilerServices;

namespace GgufQuant.Formats;

/// <summary>The stack memory of the search over a super-block.</summary>
internal struct GridScratch
{
    /// <summary>Maximum number of candidate scales, rounded up to whole vectors.</summary>
    public const int MaxSteps = 32;

    /// <summary>Floats in a row of <see cref="Costs"/>: the levels by digit, repeated to fill the widest lanes.</summary>
    public const int CostRow = 16;

    /// <summary>Tables that a code indexes with successive bits: see <see cref="GridLines{TFormat, TF, TI}"/>.</summary>
    public const int Tables = 4;

    /// <summary>Floats in such a table.</summary>
    public const int TableRow = 16;

    /// <summary>The weights without their signs; one per group may be negative if seven signs stand for eight.</summary>
    public Weights Magnitudes;

    /// <summary>The importance of each weight's error.</summary>
    public Weights Factors;

    /// <summary>The square roots of <see cref="Factors"/>, which choose between points.</summary>
    public Weights Roots;

    /// <summary><see cref="Roots"/> × <see cref="Magnitudes"/>.</summary>
    public Weights RootProducts;

    /// <summary><see cref="Factors"/> × <see cref="Magnitudes"/>.</summary>
    public Weights Products;

    /// <summary>What each candidate scale is the inverse of; greatest last.</summary>
    public Steps Inverses;

    /// <summary>Each candidate scale; least last.</summary>
    public Steps Scales;

    /// <summary>Σ factor · magnitude · level of each candidate scale.</summary>
    public Steps SumsOfProducts;

    /// <summary>Σ factor · level² of each candidate scale.</summary>
    public Steps SumsOfSquares;

    /// <summary>By how much each try lessens the error.</summary>
    public Steps Gains;

    /// <summary>The code that each group rounds to under each candidate scale, <c>[group][step]</c>.</summary>
    public GroupCodes Rounded;

    /// <summary>The code of the point that each group is moved to, in the same layout.</summary>
    public GroupCodes Codes;

    /// <summary>The first columns of <see cref="Codes"/> after which some group's code changes, in the same layout.</summary>
    public GroupCodes Distinct;

    /// <summary>By group, a bit for each candidate scale under which no weight is close to where its rounding changes.</summary>
    public GroupFlags Certain;

    /// <summary>By group, a bit for each candidate scale under which it rounded off the grid.</summary>
    public GroupFlags OffGrid;

    /// <summary>By group, a bit for each candidate scale from which to the next one its code surely remains the same.</summary>
    public GroupFlags Steady;

    /// <summary>The cost of each level of each weight of one group under a scale.</summary>
    public GroupCosts Costs;

    /// <summary>The slope of each entry of a code: of one group.</summary>
    public EntryTables SlopeTables;

    /// <summary>The offset of each entry of a code: of one group.</summary>
    public EntryTables OffsetTables;

    /// <summary>The slope of each point near one group.</summary>
    public Candidates Slopes;

    /// <summary>The offset of each point near one group.</summary>
    public Candidates Offsets;

    /// <summary>Whether the roots are far from the ends of a float's range.</summary>
    public bool HasSafeFactors;

    /// <summary>Σ root · magnitude² of one group.</summary>
    public float Energy;

    /// <summary>The chosen point of each group of the super-block: its code, later its index.</summary>
    public GroupPoints Points;

    /// <summary>The signs of every eight weights.</summary>
    public GroupSigns Signs;

    /// <summary>The scale of each sub-block.</summary>
    public SubBlockScales SubScales;

    [InlineArray(256)]
    public struct Weights
    {
        private float _first;
    }

    [InlineArray(8)]
    public struct GroupFlags
    {
        private uint _first;
    }

    [InlineArray(Tables * TableRow)]
    public struct EntryTables
    {
        private float _first;
    }

    // And a vector: those of the last scales are read by whole ones.
    [InlineArray(MaxSteps + 16)]
    public struct Steps
    {
        private float _first;
    }

    [InlineArray(GridCandidates.MaxCount)]
    public struct Candidates
    {
        private float _first;
    }

    // And a vector, for the last row may be read shifted by a step.
    [InlineArray((8 * MaxSteps) + 16)]
    public struct GroupCodes
    {
        private int _first;
    }

    [InlineArray(8 * CostRow)]
    public struct GroupCosts
    {
        private float _first;
    }

    [InlineArray(64)]
    public struct GroupPoints
    {
        private int _first;
    }

    [InlineArray(32)]
    public struct GroupSigns
    {
        private byte _first;
    }

    [InlineArray(16)]
    public struct SubBlockScales
    {
        private float _first;
    }
}
