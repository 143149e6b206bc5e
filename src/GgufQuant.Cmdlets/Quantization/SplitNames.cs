using System.Text.RegularExpressions;

namespace GgufQuant.Commands;

/// <summary>The names of a split model's files.</summary>
internal static partial class SplitNames
{
    /// <summary>A file name without extension and shard number.</summary>
    internal static string Stem(string path) => Shard().Replace(Path.GetFileNameWithoutExtension(path), "");

    /// <summary>Whether a file is named like a shard; only its header is conclusive.</summary>
    internal static bool IsShard(string path) => Shard().IsMatch(Path.GetFileNameWithoutExtension(path));

    [GeneratedRegex(@"-\d{5}-of-\d{5}$", RegexOptions.CultureInvariant)]
    private static partial Regex Shard();
}
