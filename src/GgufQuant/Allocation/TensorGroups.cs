using System.Globalization;
using System.Text.RegularExpressions;
using GgufQuant.Models;

namespace GgufQuant.Allocation;

/// <summary>Groups tensors that share a coefficient: those of a role within a half of the layers; a tensor of the first layer, or outside the layers, is a group of one.</summary>
/// <remarks>
/// That gives about 23 groups, however deep the model is. The first layer, whose input is the embeddings, has little in
/// common with the next: with it in a group, files for 5 bits and more gain hardly anything.
/// </remarks>
internal static partial class TensorGroups
{
    private const int Parts = 2;

    /// <summary>The number of layers, from the names of tensors.</summary>
    public static int CountLayers(IEnumerable<string> names) =>
        names.Select(name => TensorNames.LayerOf(name) ?? -1).DefaultIfEmpty(-1).Max() + 1;

    /// <summary>The group of a tensor, such as <c>attn_q first</c> or <c>attn_q 1/2</c>.</summary>
    /// <param name="name">The tensor's name.</param>
    /// <param name="layers">The number of layers.</param>
    public static string GroupOf(string name, int layers)
    {
        if (TensorNames.SplitLayer(name) is not (ulong layer, _) || layer >= (ulong)layers)
            return RoleOf(name);
        return layer == 0
            ? $"{RoleOf(name)} first"
            : string.Create(CultureInfo.InvariantCulture, $"{RoleOf(name)} {1 + ((int)(layer - 1) * Parts / (layers - 1))}/{Parts}");
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
