using System.Text.RegularExpressions;
using GgufQuant.Calibration;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.Models;

namespace GgufQuant.Planning;

/// <summary>How a plan departs from its file type's own tensor type selection.</summary>
public sealed record QuantizationOptions
{
    /// <summary>The file type's own tensor type selection.</summary>
    public static QuantizationOptions Default { get; } = new();

    /// <summary>Gives every tensor the file type's default type.</summary>
    public bool Pure { get; init; }

    /// <summary>The type of <c>output.weight</c>, or of the token embeddings if they double as the output.</summary>
    public GgmlType? OutputTensorType { get; init; }

    /// <summary>The type of the token embeddings.</summary>
    public GgmlType? TokenEmbeddingType { get; init; }

    /// <summary>Types for tensors by name; the first match decides. Unquantized file types ignore them.</summary>
    public IReadOnlyList<TensorTypeRule> TensorTypes { get; init; } = [];

    /// <summary>Leaves <c>output.weight</c> as it is in the source.</summary>
    public bool LeaveOutputTensor { get; init; }

    /// <summary>Accepts tensors that are already quantized; what they have lost stays lost.</summary>
    public bool AllowRequantize { get; init; }

    /// <summary>How much each column of the weights matters; null if all matter equally.</summary>
    public ImatrixFile? Imatrix { get; init; }

    /// <summary>Moments to round with, which serve as the importance matrix too where none is given; null to quantize as llama.cpp does.</summary>
    public CalibrationFile? Calibration { get; init; }

    /// <summary>Types that give the file a size, for tensors that no other option has a type for; null to choose by the file type.</summary>
    public TypeAllocation? Allocation { get; init; }

    /// <summary>Metadata to add or to replace the source's; tensor type selection sees it too.</summary>
    public IReadOnlyList<GgufEntry> Metadata { get; init; } = [];

    /// <summary>Layers to prune; later ones are renumbered.</summary>
    public IReadOnlyCollection<int> PruneLayers { get; init; } = [];

    /// <summary>Keeps the source's shards, each with its tensors in the source's order, as llama-quantize does.</summary>
    public bool KeepSplit { get; init; }

    /// <summary>Writes shards, as llama-gguf-split would from the whole file; null for one file.</summary>
    public GgufSplitOptions? Split { get; init; }
}

/// <summary>A type for the tensors whose name matches a regular expression, ignoring case.</summary>
public sealed class TensorTypeRule
{
    private static readonly TimeSpan s_regexTimeout = TimeSpan.FromSeconds(1);
    private readonly Regex _regex;
    private readonly HashSet<int>? _layers;

    /// <param name="pattern">The regular expression.</param>
    /// <param name="type">The type of the matching tensors.</param>
    /// <param name="layers">The layers it is limited to; null for every tensor, including those outside layers.</param>
    /// <exception cref="ArgumentException">The pattern is not a regular expression.</exception>
    public TensorTypeRule(string pattern, GgmlType type, IEnumerable<int>? layers = null)
    {
        _regex = new(pattern, RegexOptions.IgnoreCase | RegexOptions.CultureInvariant, s_regexTimeout);
        _layers = layers?.ToHashSet();
        Type = type;
    }

    /// <summary>The regular expression.</summary>
    public string Pattern => _regex.ToString();

    /// <summary>The type of the matching tensors.</summary>
    public GgmlType Type { get; }

    /// <summary>Whether the rule applies to the tensor with that name.</summary>
    /// <exception cref="QuantizationException">Matching the pattern takes too long.</exception>
    public bool Matches(string name)
    {
        try
        {
            return _regex.IsMatch(name) && (_layers is null || (TensorNames.LayerOf(name) is { } layer && _layers.Contains(layer)));
        }
        catch (RegexMatchTimeoutException exception)
        {
            throw new QuantizationException(
                $"Whether '{Pattern}' matches '{name}' could not be determined within a second: simplify the pattern.", exception);
        }
    }

    /// <summary>The rule as it is written: <c>attn_v=q6_K</c>, followed by the layers if it is limited to some.</summary>
    public override string ToString() =>
        $"{Pattern}={BlockFormat.Of(Type)}{(_layers is null ? "" : $" (layer {LayerRanges.Text(_layers)})")}";
}
