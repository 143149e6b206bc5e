using System.Globalization;
using GgufQuant.Models;

namespace GgufQuant.Planning;

/// <summary>Removes layers from a model and renumbers the others, as llama-quantize's <c>--prune-layers</c> does.</summary>
/// <remarks>
/// llama.cpp's <c>remap_layer</c>. Names must come in the order of writing, which determines the new numbers.
/// </remarks>
internal sealed class LayerPruning
{
    private readonly SortedSet<int> _pruned;
    private readonly Dictionary<int, int?> _newNumbers = [];

    internal LayerPruning(IEnumerable<int> layers) => _pruned = [.. layers];

    /// <summary>Number of layers left; the new <c>block_count</c>.</summary>
    internal int Remaining { get; private set; }

    /// <summary>A tensor's new name; null if it is removed with its layer.</summary>
    internal string? Rename(string name)
    {
        if (_pruned.Count == 0 || TensorNames.FindLayer(name) is not (int layer, Range digits))
            return name;
        if (!_newNumbers.TryGetValue(layer, out int? number))
        {
            if (!_pruned.Contains(layer))
            {
                number = layer < _pruned.Min ? layer : Remaining;
                Remaining = number.Value + 1;
            }
            _newNumbers.Add(layer, number);
        }
        return number is null ? null : string.Create(CultureInfo.InvariantCulture, $"{name[..digits.Start]}{number}{name[digits.End..]}");
    }

    /// <exception cref="QuantizationException">A layer to prune does not exist, or none would be left.</exception>
    internal void Check()
    {
        int[] unknown = [.. _pruned.Where(layer => !_newNumbers.ContainsKey(layer))];
        if (unknown.Length > 0)
            throw new QuantizationException($"The model has no layer {string.Join(", ", unknown)} to prune.");
        if (_pruned.Count > 0 && Remaining == 0)
            throw new QuantizationException("Pruning would leave the model without layers.");
    }
}
