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

    /// <summary>The path of another shard, by the name of any; the path itself if its name is no shard's.</summary>
    /// <param name="path">The path or the address of a shard.</param>
    /// <param name="number">The other shard, counted from 0.</param>
    public static string OtherOf(string path, int number) =>
        NumberInPath().Replace(path, string.Create(CultureInfo.InvariantCulture, $"-{number + 1:D5}"));

    /// <summary>The path of the first shard, by the name of any; the path itself if its name is no shard's.</summary>
    public static string FirstOf(string path) => OtherOf(path, 0);

    /// <summary>How many shards a model has by the name of any; 1 if it is no shard's name.</summary>
    public static int CountOf(string path) =>
        NumberInPath().Match(path) is { Success: true } match ? Math.Max(1, int.Parse(match.Groups["count"].ValueSpan, CultureInfo.InvariantCulture)) : 1;

    /// <summary>A file name without its extension and without the shard's number.</summary>
    public static string WithoutNumber(string stem) => Number().Replace(stem, "");

    /// <summary>Whether a file name, without its extension, ends in a shard's number; only the header is conclusive.</summary>
    public static bool HasNumber(string stem) => Number().IsMatch(stem);

    [GeneratedRegex(@"-\d{5}-of-\d{5}$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Number();

    // An address may have a query behind the name.
    [GeneratedRegex(@"-\d{5}(?=-of-(?<count>\d{5})\.gguf(\?|$))", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex NumberInPath();
}
