using System.Runtime.CompilerServices;

namespace GgufQuant.Formats;

/// <summary>The stack memory of the search over a few sub-blocks at once, of sixteen groups together.</summary>
internal struct GridBatch
{
    /// <summary>Groups of weights, each of which is rounded to a point.</summary>
    public const int Groups = 16;

    /// <summary>Maximum number of candidate scales, rounded up to whole vectors.</summary>
    public const int MaxSteps = 32;

    /// <summary>Tables that a code indexes with successive bits: see <see cref="GridLines{TFormat, TF, TI}"/>.</summary>
    public const int Tables = 4;

    /// <summary>Floats in such a table.</summary>
    public const int TableRow = 16;

    /// <summary>Floats in all tables of a group.</summary>
    public const int LineTablesSize = 2 * Tables * TableRow;

    /// <summary>Floats in a row of <see cref="Costs"/>: the levels by digit, repeated to fill the widest lanes.</summary>
    public const int CostRow = 16;

    private const int MaxSubBlocks = 8;
    private const int MaxRuns = Groups * MaxSteps;

    /// <summary>What each candidate scale of a group's sub-block is the inverse of; greatest last: <c>[group][step]</c>.</summary>
    public GroupScales Inverses;

    /// <summary>Each candidate scale; least last: <c>[group][step]</c>.</summary>
    public GroupScales Scales;

    /// <summary>The code that each group rounds to under each candidate scale, <c>[group][step]</c>.</summary>
    public GroupCodes Rounded;

    /// <summary>The code of the point that each group is moved to, in the same layout.</summary>
    public GroupCodes Codes;

    /// <summary>By group, a bit for each candidate scale under which no weight is close to where its rounding changes.</summary>
    public GroupFlags Certain;

    /// <summary>By group, a bit for each candidate scale under which it rounded off the grid.</summary>
    public GroupFlags OffGrid;

    /// <summary>By group, a bit for each candidate scale under which its point was not clear.</summary>
    public GroupFlags Unclear;

    /// <summary>By group, a bit for each candidate scale from which to the next one its code changes; once points are found, its point.</summary>
    public GroupFlags Changes;

    /// <summary>By group, a bit for each candidate scale from which to the next one its code surely remains the same.</summary>
    public GroupFlags Steady;

    /// <summary>By how much two lines must differ, besides a part of them, to be told apart: by group and candidate scale.</summary>
    public GroupScales Errors;

    /// <summary>The slope of each entry of a code, <c>[table][entry]</c>, then the offsets in the same layout: group by group.</summary>
    public EntryTables LineTables;

    /// <summary>The code of each run, group by group, and from bit 16 on where it starts: see <see cref="GridRuns{TFormat, TF, TI}"/>.</summary>
    public RunValues Runs;

    /// <summary>From bit 16 on, where each of them ends.</summary>
    public RunValues Ends;

    /// <summary>Where the runs off the grid start, an index of <see cref="Codes"/>, and from bit 16 on where they end.</summary>
    public RunValues Bounds;

    /// <summary>Where the candidates of each of them start: see <see cref="GridCandidates.Lists"/>.</summary>
    public RunValues Lists;

    /// <summary>A bit for each candidate of such a run that may be the nearest under its first scale, then for its last.</summary>
    public RunValues Nearest;

    /// <summary>The number of its candidates.</summary>
    public RunValues Sizes;

    /// <summary>The runs that have more candidates than lanes; later all whose points are to be found under one scale after the other.</summary>
    public RunValues Rest;

    /// <summary>The runs whose point changes, or may.</summary>
    public RunValues Changing;

    /// <summary>The first columns of <see cref="Codes"/> of a sub-block after which some group's code changes, in the same layout.</summary>
    public GroupCodes Distinct;

    /// <summary>A bit for each candidate scale of a sub-block that is a try.</summary>
    public SubBlockFlags Tries;

    /// <summary>Σ factor · magnitude · level of each try, <c>[sub-block][try]</c>.</summary>
    public SubBlockSteps SumsOfProducts;

    /// <summary>Σ factor · level² of each try, in the same layout.</summary>
    public SubBlockSteps SumsOfSquares;

    /// <summary>By how much each try of a sub-block lessens the error.</summary>
    public Steps Gains;

    /// <summary>The step of each try of a sub-block, <c>[sub-block][try]</c>.</summary>
    public SubBlockTries StepsOfTries;

    /// <summary>The scale that is fitted to each sub-block's points.</summary>
    public SubBlockScales Fits;

    /// <summary>Its inverse.</summary>
    public SubBlockScales InversesOfFits;

    /// <summary>A bit for each weight of a sub-block that under the fitted scale may be close to where its rounding changes.</summary>
    public SubBlockFlags Uncertain;

    /// <summary>The digit of each weight under the fitted scale, in its place in the code.</summary>
    public WeightDigits Digits;

    /// <summary>The cost of each level of each weight of one group under a scale.</summary>
    public GroupCosts Costs;

    /// <summary>The slope of each point near one group.</summary>
    public Candidates Slopes;

    /// <summary>The offset of each point near one group.</summary>
    public Candidates Offsets;

    // And a vector: those of the last scales are read by whole ones.
    [InlineArray((Groups * MaxSteps) + 16)]
    public struct GroupScales
    {
        private float _first;
    }

    [InlineArray(Groups)]
    public struct GroupFlags
    {
        private uint _first;
    }

    [InlineArray(Groups * LineTablesSize)]
    public struct EntryTables
    {
        private float _first;
    }

    [InlineArray(MaxSteps)]
    public struct Steps
    {
        private float _first;
    }

    [InlineArray(GridCandidates.MaxCount)]
    public struct Candidates
    {
        private float _first;
    }

    // And two vectors, for the last row may be read shifted by a step, and written beyond its end.
    [InlineArray((Groups * MaxSteps) + 32)]
    public struct GroupCodes
    {
        private int _first;
    }

    [InlineArray(MaxSubBlocks * MaxSteps)]
    public struct SubBlockSteps
    {
        private float _first;
    }

    [InlineArray(MaxSubBlocks)]
    public struct SubBlockFlags
    {
        private uint _first;
    }

    // And a vector, since they are written by whole ones.
    [InlineArray((MaxSubBlocks * MaxSteps) + 16)]
    public struct SubBlockTries
    {
        private int _first;
    }

    [InlineArray(MaxSubBlocks)]
    public struct SubBlockScales
    {
        private float _first;
    }

    [InlineArray(Groups * 8)]
    public struct WeightDigits
    {
        private int _first;
    }

    // And a vector, since they are written by whole ones.
    [InlineArray(MaxRuns + 16)]
    public struct RunValues
    {
        private int _first;
    }

    [InlineArray(8 * CostRow)]
    public struct GroupCosts
    {
        private float _first;
    }
}
