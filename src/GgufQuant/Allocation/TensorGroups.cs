using System.Globalization;
using System.Text.RegularExpressions;
using GgufQuant.Models;

namespace GgufQuant.Allocation;

/// <summary>Which tensors share a coefficient: those of a role in a third of the layers; a tensor outside the layers is alone.</summary>
/// <remarks>That makes about 23 groups of a model, however deep it is.</remarks>
internal static partial class TensorGroups
{
    private const int Parts = 3;

    /// <summary>The number of layers that the names of tensors tell of.</summary>
    public static int CountLayers(IEnumerable<string> names) =>
        names.Select(name => TensorNames.LayerOf(name) ?? -1).DefaultIfEmpty(-1).Max() + 1;

    /// <summary>The group of a tensor, such as <c>attn_q 1/3</c>.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="layers">The number of layers.</param>
    public static string GroupOf(string name, int layers)
    {
        if (TensorNames.SplitLayer(name) is not (ulong layer, _) || layer >= (ulong)layers)
            return RoleOf(name);
        return string.Create(CultureInfo.InvariantCulture, $"{RoleOf(name)} {1 + ((int)layer * Parts / layers)}/{Parts}");
    }

    /// <summary>What a tensor is in its layer: <c>attn_q</c>. The experts of a layer have one role, where a file holds them apart too.</summary>
    public static string RoleOf(string name)
    {
        const string Suffix = ".weight";
        string part = TensorNames.SplitLayer(name)?.Part ?? name;
        return Number().Replace(part.EndsWith(Suffix, StringComparison.Ordinal) ? part[..^Suffix.Length] : part, "");
    }

    [GeneratedRegex(@"\.[0-9]+(?=\.|$)")]
    private static partial Regex Number();
}
