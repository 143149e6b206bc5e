using System.Globalization;
using System.Text.RegularExpressions;
using GgufQuant.Models;

namespace GgufQuant.Allocation;

/// <summary>Groups tensors that share a coefficient: those of a role within a third of the layers; a tensor outside the layers is a group of one.</summary>
/// <remarks>That gives about 23 groups, however deep the model is.</remarks>
internal static partial class TensorGroups
{
    private const int Parts = 3;

    /// <summary>The number of layers, from the names of tensors.</summary>
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

    /// <summary>The role of a tensor in its layer: <c>attn_q</c>. The experts of a layer have one role, even if stored as separate tensors.</summary>
    public static string RoleOf(string name)
    {
        const string Suffix = ".weight";
        string part = TensorNames.SplitLayer(name)?.Part ?? name;
        return Number().Replace(part.EndsWith(Suffix, StringComparison.Ordinal) ? part[..^Suffix.Length] : part, "");
    }

    [GeneratedRegex(@"\.[0-9]+(?=\.|$)")]
    private static partial Regex Number();
}
