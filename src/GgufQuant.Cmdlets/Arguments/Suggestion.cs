using GgufQuant.IO;

namespace GgufQuant.Commands;

/// <summary>Suggestions for misspelt names.</summary>
internal static class Suggestion
{
    // Beyond this it is a different name rather than a misspelling.
    private const int MostEdits = 2;

    /// <summary>A sentence that names the closest ones, with a leading space; empty if none is close.</summary>
    internal static string For(string typed, IEnumerable<string> names)
    {
        string letters = Letters(typed);
        (string Name, int Edits)[] close = [.. names.Select(name => (Name: name, Edits: Distance(letters, Letters(name)))).Where(candidate => candidate.Edits <= MostEdits)];
        if (close.Length == 0)
            return "";
        int fewest = close.Min(candidate => candidate.Edits);
        string[] closest = [.. close.Where(candidate => candidate.Edits == fewest).Select(candidate => $"'{candidate.Name}'").Take(4)];
        return $" Did you mean {(closest.Length == 1 ? closest[0] : $"{string.Join(", ", closest[..^1])} or {closest[^1]}")}?";
    }

    private static string Letters(string name) => string.Concat(name.Where(char.IsAsciiLetterOrDigit)).ToUpperInvariant();

    private static int Distance(string typed, string name) =>
        typed.Length > 0 && name.StartsWith(typed, StringComparison.Ordinal) ? Math.Min(1, name.Length - typed.Length) : EditDistance.Between(typed, name);
}
