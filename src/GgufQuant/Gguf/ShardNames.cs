using System.Globalization;
using System.Text.RegularExpressions;

namespace GgufQuant.Gguf;

/// <summary>The file names of a split model: <c>name-00001-of-00003.gguf</c>.</summary>
/// <remarks>llama.cpp's <c>llama_split_path</c> and <c>llama_split_prefix</c>.</remarks>
public static partial class ShardNames
{
    /// <summary>The path of a shard.</summary>
    /// <param name="prefix">The path up to the shard's number.</param>
    /// <param name="number">The shard, counted from 0; the name counts from 1.</param>
    /// <param name="count">Total number of shards.</param>
    public static string PathOf(string prefix, int number, int count) =>
        string.Create(CultureInfo.InvariantCulture, $"{prefix}-{number + 1:D5}-of-{count:D5}.gguf");

    /// <summary>A file name without its extension and without the shard's number.</summary>
    public static string WithoutNumber(string stem) => Number().Replace(stem, "");

    /// <summary>Whether a file name, without its extension, ends in a shard's number; only the header is conclusive.</summary>
    public static bool HasNumber(string stem) => Number().IsMatch(stem);

    [GeneratedRegex(@"-\d{5}-of-\d{5}$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Number();
}
