namespace GgufQuant.HuggingFace.Vocabulary;

/// <summary>merges.txt, which contained the merges before there was tokenizer.json.</summary>
/// <remarks>gguf-py's <c>SpecialVocab._try_load_merges_txt</c>.</remarks>
internal static class MergesFile
{
    private const string Name = "merges.txt";

    /// <summary>Reads the merges; empty if there is no such file.</summary>
    public static string[] Read(ModelFolder folder, ICollection<string> warnings)
    {
        if (folder.ReadText(Name) is not { } text)
            return [];
        List<string> merges = [];
        int malformed = 0;
        bool isFirst = true;
        foreach (ReadOnlySpan<char> line in text.AsSpan().EnumerateLines())
        {
            bool isHeader = isFirst && line.TrimStart().StartsWith('#');
            isFirst = false;
            if (isHeader || line.IsWhiteSpace())
                continue;
            string[] parts = line.ToString().Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (parts.Length == 2)
                merges.Add($"{parts[0]} {parts[1]}");
            else
                malformed++;
        }
        if (malformed > 0)
            warnings.Add($"{malformed} lines of {Name} are not merges, so they are left out.");
        return [.. merges];
    }
}
