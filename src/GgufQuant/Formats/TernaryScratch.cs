using System.Runtime.CompilerServices;

namespace GgufQuant.Formats;

/// <summary>What the search over a super-block of IQ1_S or IQ1_M keeps on the stack.</summary>
internal struct TernaryScratch
{
    /// <summary>The importance of each weight's error.</summary>
    public Weights Factors;

    /// <summary>The places of a sub-block's weights, ascending by weight.</summary>
    public Places Order;

    /// <summary>The costs of the levels of one group: see <see cref="LatticeSearch{TF, TI}"/>.</summary>
    public Costs LevelCosts;

    /// <summary>The point of each eight weights: its code.</summary>
    public Groups Points;

    /// <summary>By eight weights, -1 where its levels are shifted down, else 1.</summary>
    public Groups Shifts;

    /// <summary>The scale of each sub-block.</summary>
    public Scales SubScales;

    [InlineArray(256)]
    public struct Weights
    {
        private float _first;
    }

    [InlineArray(32)]
    public struct Places
    {
        private int _first;
    }

    [InlineArray(128)]
    public struct Costs
    {
        private float _first;
    }

    [InlineArray(32)]
    public struct Groups
    {
        private int _first;
    }

    [InlineArray(16)]
    public struct Scales
    {
        private float _first;
    }
}
