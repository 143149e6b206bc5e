namespace GgufQuant.Models;

/// <summary>Which layers of an architecture have a sliding window, and how long it is.</summary>
/// <remarks>
/// From llama.cpp's code, architecture by architecture (<c>load_arch_hparams</c>): some architectures read a period or a pattern
/// from the file, and the others fix it.
/// </remarks>
/// <param name="Period">The layer pattern's length: all layers of a period but one have a window. 1 for none, 0 for all.</param>
internal sealed record WindowRule(int Period)
{
    private const string SizeKey = "attention.sliding_window";
    private const string PatternKey = "attention.sliding_window_pattern";

    /// <summary>Whether the layer without a window is the first of its period; otherwise it is the last.</summary>
    internal bool IsDenseFirst { get; init; }

    /// <summary>Whether the file may list the layers that have a window.</summary>
    internal bool ReadsPattern { get; init; }

    /// <summary>The window's length if the file states none; 0 for no window then.</summary>
    internal long DefaultSize { get; init; }

    /// <summary>The window's length whatever the file states, unless it states 0.</summary>
    internal long FixedSize { get; init; }

    /// <summary>Whether there is a window only if the file states its length.</summary>
    internal bool NeedsSize { get; init; }

    /// <summary>The only number of layers with which a model has a window; null for any.</summary>
    internal int? OnlyLayers { get; init; }

    /// <summary>The window's length; 0 without one.</summary>
    internal long SizeOf(ShapeKeys keys, int layers)
    {
        if (OnlyLayers is int only && only != layers)
            return 0;
        long? stated = keys.FindNumber(SizeKey);
        return FixedSize > 0 ? (stated == 0 || (NeedsSize && stated is null) ? 0 : FixedSize) : stated ?? DefaultSize;
    }

    /// <summary>For each layer, whether it has a window.</summary>
    /// <remarks><c>llama_hparams::set_swa_pattern</c>.</remarks>
    internal bool[] LayersOf(ShapeKeys keys, int layers)
    {
        if (ReadsPattern && keys.FindArray(PatternKey) is long[] listed)
            return [.. Enumerable.Range(0, layers).Select(layer => layer < listed.Length && listed[layer] != 0)];
        long period = Period == 0 ? 0 : keys.FindNumber(PatternKey) ?? Period;
        return [.. Enumerable.Range(0, layers).Select(layer => period == 0 || layer % period != (IsDenseFirst ? 0 : period - 1))];
    }
}
