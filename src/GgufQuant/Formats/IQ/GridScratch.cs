using System.Runtime.CompilerServices;

namespace GgufQuant.Formats;

/// <summary>The stack memory of the search over a super-block.</summary>
internal struct GridScratch
{
    /// <summary>Maximum number of candidate scales, rounded up to whole vectors.</summary>
    public const int MaxSteps = 32;

    /// <summary>Floats in a row of <see cref="Costs"/>: the levels by digit, repeated to fill the widest lanes.</summary>
    public const int CostRow = 16;

    /// <summary>The weights without their signs; one per group may be negative if seven signs stand for eight.</summary>
    public Weights Magnitudes;

    /// <summary>The importance of each weight's error.</summary>
    public Weights Factors;

    /// <summary>The square roots of <see cref="Factors"/>, which choose between points.</summary>
    public Weights Roots;

    /// <summary><see cref="Factors"/> × <see cref="Magnitudes"/>.</summary>
    public Weights Products;

    /// <summary>Each candidate scale.</summary>
    public Steps Scales;

    /// <summary>Σ factor · magnitude · level of each candidate scale.</summary>
    public Steps SumsOfProducts;

    /// <summary>Σ factor · level² of each candidate scale.</summary>
    public Steps SumsOfSquares;

    /// <summary>The code of each group under each candidate scale, <c>[group][step]</c>.</summary>
    public GroupCodes Codes;

    /// <summary>By candidate scale, a bit for each group that rounded off the grid.</summary>
    public StepFlags OffGrid;

    /// <summary>The cost of each level of each weight of one group, under one scale or several side by side.</summary>
    public GroupCosts Costs;

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

    [InlineArray(MaxSteps)]
    public struct Steps
    {
        private float _first;
    }

    [InlineArray(MaxSteps)]
    public struct StepFlags
    {
        private int _first;
    }

    [InlineArray(8 * MaxSteps)]
    public struct GroupCodes
    {
        private int _first;
    }

    [InlineArray(4 * 8 * CostRow)]
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
