using GgufQuant.Formats;

namespace GgufQuant.Gpu;

/// <summary>How the kernels quantize to one type: which ones run, and over what.</summary>
/// <remarks>
/// A block is one work-item's job. A super-block takes three kernels: a search over its sub-blocks, the scales over whole
/// super-blocks, and packing by columns of 32. A grid format takes two: the search, which ends in grid points, and
/// packing.
/// </remarks>
internal sealed class KernelPlan
{
    private const int SuperBlockSize = 256;
    private const int PackItems = 32;

    // Asked for each tensor of a first conversion: so few are found faster than a dictionary is compiled.
    private static readonly KernelPlan[] s_plans =
    [
        new(GgmlType.Q4_0, "legacy", subBlockSize: 32),
        new(GgmlType.Q4_1, "legacy", subBlockSize: 32),
        new(GgmlType.Q5_0, "legacy", subBlockSize: 32),
        new(GgmlType.Q5_1, "legacy", subBlockSize: 32),
        new(GgmlType.Q8_0, "legacy", subBlockSize: 32),
        new(GgmlType.IQ4_NL, "iq4", subBlockSize: 32),
        new(GgmlType.Q1_0, "ternary", subBlockSize: 128),
        new(GgmlType.Q2_0, "ternary", subBlockSize: 64),
        new(GgmlType.TQ1_0, "ternary", subBlockSize: 256),
        new(GgmlType.TQ2_0, "ternary", subBlockSize: 256),
        new(GgmlType.MXFP4, "microscaling", subBlockSize: 32),
        new(GgmlType.NVFP4, "microscaling", subBlockSize: 64),
        new(GgmlType.Q2_K, "k-scale-min", subBlockSize: 16),
        new(GgmlType.Q3_K, "k-scale-only", subBlockSize: 16),
        new(GgmlType.Q4_K, "k-scale-min", subBlockSize: 32),
        new(GgmlType.Q5_K, "k-scale-min", subBlockSize: 32),
        new(GgmlType.Q6_K, "k-scale-only", subBlockSize: 16),
        new(GgmlType.IQ4_XS, "iq4", subBlockSize: 32),
        new(GgmlType.IQ3_XXS, "iq2-iq3", subBlockSize: 32, () => Grid.IQ3_XXS),
        new(GgmlType.IQ3_S, "iq2-iq3", subBlockSize: 32, () => Grid.IQ3_S),
        new(GgmlType.IQ2_XXS, "iq2-iq3", subBlockSize: 32, () => Grid.IQ2_XXS),
        new(GgmlType.IQ2_XS, "iq2-iq3", subBlockSize: 16, () => Grid.IQ2_XS),
        new(GgmlType.IQ2_S, "iq2-iq3", subBlockSize: 16, () => Grid.IQ2_S),
        new(GgmlType.IQ1_S, "iq1", subBlockSize: 32, () => Grid.IQ1),
        new(GgmlType.IQ1_M, "iq1", subBlockSize: 16, () => Grid.IQ1),
    ];

    private readonly BlockFormat _format;

    // Called by the card alone: the first grid that is asked for makes all of them.
    private readonly Func<Grid>? _grid;

    private KernelPlan(GgmlType type, string file, int subBlockSize, Func<Grid>? grid = null)
    {
        Type = type;
        File = file;
        SubBlockSize = subBlockSize;
        _grid = grid;
        _format = BlockFormat.Of(type);
    }

    /// <summary>The types that have kernels.</summary>
    internal static IReadOnlyList<GgmlType> Types => field ??= [.. s_plans.Select(plan => plan.Type).Order()];

    /// <summary>The target type.</summary>
    internal GgmlType Type { get; }

    /// <summary>The file with its kernels, without extension.</summary>
    internal string File { get; }

    /// <summary>Weights per scale that a work-item searches.</summary>
    internal int SubBlockSize { get; }

    /// <summary>The grid its kernels look up; null if they use none.</summary>
    internal Grid? Grid => _grid?.Invoke();

    /// <summary>Whether the search needs memory between weights and levels: a byte per weight and three floats per sub-block.</summary>
    internal bool HasSearch => SubBlockSize < _format.BlockSize;

    /// <summary>The plan of a type; null if it has no kernels.</summary>
    internal static KernelPlan? Find(GgmlType type) => Array.Find(s_plans, plan => plan.Type == type);

    /// <summary>Approximate weights per second and core: the figures of docs/benchmarks.md for a K type and a grid type.</summary>
    internal double CoreRate => _grid is null ? 100e6 : 10e6;

    /// <summary>Whether a graphics card quantizes to the type faster than the weights reach it, and a processor does not.</summary>
    internal static bool Gains(GgmlType type, bool weighted) =>
        Find(type) is { } plan
        && (plan.HasSearch || (weighted && plan._format.Importance != ImatrixSupport.Ignored) || type == GgmlType.IQ4_NL);

    /// <summary>The number of sums of squares that the kernels need, and the number of weights in each.</summary>
    /// <remarks>Without importance only IQ2_S needs them.</remarks>
    internal (int Count, int Length) Squares(int rowLength, int rows, bool weighted)
    {
        bool isWeighted = weighted && _format.Importance != ImatrixSupport.Ignored;
        if (Type is GgmlType.IQ4_NL or GgmlType.Q6_K || (!isWeighted && Type != GgmlType.IQ2_S))
            return (0, 0);
        return HasSearch ? (checked(rowLength * rows) / SuperBlockSize, SuperBlockSize) : (rows, rowLength);
    }

    /// <summary>The kernel that computes them.</summary>
    internal Kernel SumSquares => new(File, "sum_squares");

    /// <summary>The kernels to run over that many weights, in order, and the number of work-items of each.</summary>
    internal IEnumerable<(Kernel Kernel, int Items)> Launches(int weights)
    {
        if (!HasSearch)
        {
            yield return (Of("quantize"), weights / SubBlockSize);
            yield break;
        }
        yield return (Of("search"), weights / SubBlockSize);
        if (_grid is null)
            yield return (Of("scale"), weights / SuperBlockSize);
        yield return (Of("pack"), weights / SuperBlockSize * (_grid is null ? PackItems : 1));
    }

    private Kernel Of(string step) => new(File, $"{step}_{_format.Name}");
}
