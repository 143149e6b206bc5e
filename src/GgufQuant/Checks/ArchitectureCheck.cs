using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Checks;

/// <summary>Checks for the tensors that a language model of the file's architecture needs.</summary>
internal static class ArchitectureCheck
{
    // Every block of these has the same tensors, so a block that lacks one is certainly damaged.
    private static readonly HashSet<string> s_uniform = ["llama", "qwen2", "qwen3", "gemma", "gemma2", "phi3"];

    private static readonly string[] s_tokenLists = [GgufKeys.TokenScores, GgufKeys.TokenTypes];

    public static IEnumerable<GgufFinding> Run(GgufFile file)
    {
        GgufMetadata metadata = file.Metadata;
        if (metadata.TryGetString(GgufKeys.Kind, out string? kind) && kind != "model")
            return [new GgufFinding(FindingSeverity.Information, GgufKeys.Kind, $"The file is of type '{kind}', not a model, so no tensors are expected.")];
        if (!metadata.TryGetString(GgufKeys.Architecture, out string? architecture))
            return [new GgufFinding(FindingSeverity.Error, GgufKeys.Architecture, "The key is missing, so the architecture is unknown.")];
        return metadata.TryGetUInt64(GgufKeys.BlockCount(architecture), out ulong blocks)
            ? [.. CheckEmbedding(file, architecture), .. CheckVocabulary(metadata), .. CheckBlocks(file, architecture, blocks)]
            : [new GgufFinding(FindingSeverity.Warning, GgufKeys.BlockCount(architecture), "The key is missing, so the blocks' tensors cannot be checked.")];
    }

    private static IEnumerable<GgufFinding> CheckEmbedding(GgufFile file, string architecture)
    {
        if (file.FindTensor(TensorNames.TokenEmbedding) is not { } embedding)
        {
            yield return new GgufFinding(FindingSeverity.Error, TensorNames.TokenEmbedding, "The tensor is missing.");
            yield break;
        }
        if (file.Metadata.TryGetUInt64(GgufKeys.EmbeddingLength(architecture), out ulong length) && (ulong)embedding.RowLength != length)
            yield return new GgufFinding(FindingSeverity.Error, TensorNames.TokenEmbedding, $"Its rows have {embedding.RowLength} weights, but '{GgufKeys.EmbeddingLength(architecture)}' is {length}.");
        if (file.Metadata.Find(GgufKeys.Tokens) is { } tokens && embedding.RowCount != tokens.Count)
            yield return new GgufFinding(FindingSeverity.Error, TensorNames.TokenEmbedding, $"It has {embedding.RowCount} rows for a vocabulary of {tokens.Count} tokens.");
    }

    // llama.cpp rejects a list that is too short and ignores the excess of one that is too long.
    private static IEnumerable<GgufFinding> CheckVocabulary(GgufMetadata metadata)
    {
        if (metadata.Find(GgufKeys.Tokens) is not { } tokens)
            yield break;
        foreach (string key in s_tokenLists)
        {
            if (metadata.Find(key) is not { } list || list.Count == tokens.Count)
                continue;
            FindingSeverity severity = list.Count < tokens.Count ? FindingSeverity.Error : FindingSeverity.Warning;
            yield return new GgufFinding(severity, key, $"It has {list.Count} elements for a vocabulary of {tokens.Count} tokens.");
        }
    }

    private static IEnumerable<GgufFinding> CheckBlocks(GgufFile file, string architecture, ulong count)
    {
        SortedDictionary<ulong, HashSet<string>> blocks = GroupByBlock(file);
        ulong[] missing = [.. Missing(blocks, count).Take(4)];
        if (missing.Length > 0)
        {
            string list = string.Join(", ", missing.Take(3)) + (missing.Length > 3 ? " and more" : "");
            yield return new GgufFinding(FindingSeverity.Error, GgufKeys.BlockCount(architecture), $"The model has {count} blocks, but there are no tensors of {(missing.Length == 1 ? "block" : "blocks")} {list}.");
        }
        if (blocks.Count > 0 && blocks.Keys.Last() >= count)
            yield return new GgufFinding(FindingSeverity.Warning, GgufKeys.BlockCount(architecture), $"The model has {count} blocks, but there are tensors of block {blocks.Keys.Last()}, counted from 0.");

        SortedSet<string>? ofAll = s_uniform.Contains(architecture) ? new(blocks.Values.SelectMany(names => names), StringComparer.Ordinal) : null;
        foreach ((ulong block, HashSet<string> names) in blocks)
        {
            SortedSet<string> expected = ofAll ?? Neighbours(blocks, block);
            if (names.Count >= expected.Count || !names.All(expected.Contains))
                continue;
            FindingSeverity severity = ofAll is null ? FindingSeverity.Warning : FindingSeverity.Error;
            yield return new GgufFinding(severity, $"{TensorNames.LayerPrefix}{block}", $"Block {block} lacks {Lacking(block, names, expected)}, which {(ofAll is null ? "the neighbouring" : "other")} blocks have.");
        }
    }

    private static string Lacking(ulong block, HashSet<string> names, SortedSet<string> expected)
    {
        const int Most = 20;
        string list = string.Join(", ", expected.Where(name => !names.Contains(name)).Take(Most).Select(name => $"'{TensorNames.LayerPrefix}{block}.{name}'"));
        int others = expected.Count - names.Count - Most;
        return others > 0 ? $"{list} and {others} more" : list;
    }

    // Bounded by the blocks present, not by a count that the file may set to anything.
    private static IEnumerable<ulong> Missing(SortedDictionary<ulong, HashSet<string>> blocks, ulong count)
    {
        ulong expected = 0;
        foreach (ulong block in blocks.Keys.Where(block => block < count).Append(count))
        {
            for (; expected < block; expected++)
                yield return expected;
            expected = block + 1;
        }
    }

    // Models often combine kinds of blocks, so a block is only compared with neighbours that agree.
    private static SortedSet<string> Neighbours(SortedDictionary<ulong, HashSet<string>> blocks, ulong block)
    {
        HashSet<string>? before = block > 0 ? blocks.GetValueOrDefault(block - 1) : null;
        HashSet<string>? after = blocks.GetValueOrDefault(block + 1);
        if (before is null || after is null)
            return new(before ?? after ?? [], StringComparer.Ordinal);
        return new(before.SetEquals(after) ? before : [], StringComparer.Ordinal);
    }

    private static SortedDictionary<ulong, HashSet<string>> GroupByBlock(GgufFile file)
    {
        SortedDictionary<ulong, HashSet<string>> blocks = [];
        foreach (GgufTensor tensor in file.Tensors)
        {
            if (TensorNames.SplitLayer(tensor.Name) is not { } split)
                continue;
            if (!blocks.TryGetValue(split.Layer, out HashSet<string>? names))
                blocks.Add(split.Layer, names = []);
            names.Add(split.Part);
        }
        return blocks;
    }
}
