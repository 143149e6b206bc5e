namespace GgufQuant.TestKit;

/// <summary>Committed results that tests compare with, one line each: a name and values.</summary>
public static class Golden
{
    /// <summary>Whether the files are renewed instead: <c>GGUFQUANT_UPDATE_GOLDEN=1</c>.</summary>
    public static bool IsUpdated => Environment.GetEnvironmentVariable("GGUFQUANT_UPDATE_GOLDEN") == "1";

    /// <summary>The values of each name in a file of the repository.</summary>
    /// <param name="path">The file.</param>
    public static IReadOnlyDictionary<string, string[]> Read(string path) => File.ReadAllLines(path)
        .Where(line => !line.StartsWith('#'))
        .Select(line => line.Split(' '))
        .ToDictionary(parts => parts[0], parts => parts[1..], StringComparer.Ordinal);

    /// <summary>Writes such a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="comment">What the values are.</param>
    /// <param name="lines">The lines.</param>
    public static void Write(string path, string comment, IEnumerable<string> lines) =>
        File.WriteAllText(path, $"# {comment}\n{string.Concat(lines.Select(line => line + "\n"))}");
}
