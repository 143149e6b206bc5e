using System.Collections.Frozen;
using System.Globalization;

namespace GgufQuant.Checks;

/// <summary>The tensors that llama.cpp's loader requires of a projector: the rules of <c>ProjectorRules.txt</c>.</summary>
internal static class ProjectorRules
{
    private static readonly Lazy<FrozenDictionary<string, string[]>> s_patterns = new(ReadPatterns);

    /// <summary>The types that have rules.</summary>
    public static IEnumerable<string> Types => s_patterns.Value.Keys;

    /// <summary>The names of the tensors that a projector needs; empty if its type has no rules.</summary>
    /// <param name="type">The projector's type.</param>
    /// <param name="blocks">The number of blocks in its encoder.</param>
    public static IEnumerable<string> TensorsOf(string type, long blocks) =>
        (s_patterns.Value.GetValueOrDefault(type) ?? []).SelectMany(pattern => Expand(pattern, blocks));

    private static FrozenDictionary<string, string[]> ReadPatterns()
    {
        using Stream stream = typeof(ProjectorRules).Assembly.GetManifestResourceStream("ProjectorRules.txt")!;
        using StreamReader reader = new(stream);
        Dictionary<string, List<string>> patterns = new(StringComparer.Ordinal);
        List<string> current = [];
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith('#') || line.Length == 0)
                continue;
            if (line.StartsWith(' '))
            {
                current.Add(line.Trim());
                continue;
            }
            current = [];
            foreach (string type in line.Split(' ')[1..])
                patterns.Add(type, current);
        }
        return patterns.ToFrozenDictionary(pair => pair.Key, pair => pair.Value.ToArray(), StringComparer.Ordinal);
    }

    private static IEnumerable<string> Expand(string pattern, long blocks)
    {
        int open = pattern.IndexOf('{', StringComparison.Ordinal);
        if (open < 0)
            return [pattern];
        int close = pattern.IndexOf('}', open);
        return Choices(pattern[(open + 1)..close], blocks).SelectMany(choice => Expand($"{pattern[..open]}{choice}{pattern[(close + 1)..]}", blocks));
    }

    private static IEnumerable<string> Choices(string text, long blocks) => text switch
    {
        "i" => Numbers(0, blocks - 1),
        "i+1" => Numbers(1, blocks),
        _ when text.Split("..") is [var first, var last] => Numbers(long.Parse(first, CultureInfo.InvariantCulture), long.Parse(last, CultureInfo.InvariantCulture)),
        _ => text.Split(','),
    };

    private static IEnumerable<string> Numbers(long first, long last)
    {
        for (long number = first; number <= last; number++)
            yield return number.ToString(CultureInfo.InvariantCulture);
    }
}
