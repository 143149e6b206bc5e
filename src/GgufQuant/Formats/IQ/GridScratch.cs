using System.Runtime.CompilerServices;

namespace GgufQuant.Formats;

/// <summary>The stack memory of the search over a super-block: its weights, and what becomes of them.</summary>
internal struct GridScratch
{
    /// <summary>The weights without their signs; one per group may be negative if seven signs stand for eight.</summary>
    public Weights Magnitudes;

    /// <summary>The importance of each weight's error.</summary>
    public Weights Factors;

    /// <summary>The square roots of <see cref="Factors"/>, which choose between points.</summary>
    public Weights Roots;

    /// <summary><see cref="Roots"/> × <see cref="Magnitudes"/>.</summary>
    public Weights RootProducts;

    /// <summary><see cref="RootProducts"/> × <see cref="Magnitudes"/>.</summary>
    public Weights Energies;

    /// <summary><see cref="Factors"/> × <see cref="Magnitudes"/>.</summary>
    public Weights Products;

    /// <summary>Whether the roots are far from the ends of a float's range.</summary>
    public bool HasSafeFactors;

    /// <summary>The chosen point of each group: its code, later its index.</summary>
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
