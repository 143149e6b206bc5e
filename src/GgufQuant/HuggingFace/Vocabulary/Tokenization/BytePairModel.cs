using System.Globalization;
using System.Text;
using System.Text.Json;

namespace GgufQuant.HuggingFace.Vocabulary.Tokenization;

/// <summary>Byte pair encoding: the characters of a word are merged pair by pair, in the order of the merge list.</summary>
internal sealed class BytePairModel : TokenModel
{
    private readonly Dictionary<(int Left, int Right), (int Rank, int Id)> _merges = [];
    private readonly JsonElement _model;
    private readonly string? _unknown;
    private readonly string _continuingPrefix;
    private readonly string _wordSuffix;

    private BytePairModel(Dictionary<string, int> ids, JsonElement model)
        : base(ids)
    {
        _model = model;
        _unknown = model.Text("unk_token");
        _continuingPrefix = model.Text("continuing_subword_prefix") ?? "";
        _wordSuffix = model.Text("end_of_word_suffix") ?? "";
    }

    /// <exception cref="ModelFolderException">Tokens or merges are not valid.</exception>
    public static BytePairModel Create(string path, JsonElement model)
    {
        BytePairModel bytePairs = new(ReadVocabulary(path, model), model);
        if (model.Property("merges") is not { ValueKind: JsonValueKind.Array } merges)
            return bytePairs;
        int rank = 0;
        foreach (JsonElement merge in merges.EnumerateArray())
            bytePairs.AddMerge(path, rank++, merge);
        return bytePairs;
    }

    public override void Encode(string word, List<int> ids)
    {
        if ((_model.Flag("ignore_merges") ?? false) && Ids.TryGetValue(word, out int whole))
        {
            ids.Add(whole);
            return;
        }
        List<int> symbols = Symbols(word);
        while (Earliest(symbols) is { } merge)
        {
            symbols[merge.Index] = merge.Id;
            symbols.RemoveAt(merge.Index + 1);
        }
        ids.AddRange(symbols);
    }

    private void AddMerge(string path, int rank, JsonElement merge)
    {
        if (Parts(merge) is not ({ } left, { } right))
        {
            // The first line of merges.txt, which some tokenizers copied along with the merges.
            if (merge.AsText()?.StartsWith("#version", StringComparison.Ordinal) ?? false)
                return;
            throw new ModelFolderException(path, $"merge {rank} is neither two strings separated by a space nor a pair of strings");
        }
        string merged = left + (right.StartsWith(_continuingPrefix, StringComparison.Ordinal) ? right[_continuingPrefix.Length..] : right);
        foreach (string part in new[] { left, right, merged })
        {
            if (!Ids.ContainsKey(part))
                throw new ModelFolderException(path, $"merge {rank} joins '{Shortened(left)}' and '{Shortened(right)}', but there is no token '{Shortened(part)}'");
        }
        _merges[(Ids[left], Ids[right])] = (rank, Ids[merged]);
    }

    private static (string? Left, string? Right) Parts(JsonElement merge)
    {
        if (merge.ValueKind == JsonValueKind.Array && merge.GetArrayLength() == 2)
            return (merge[0].AsText(), merge[1].AsText());
        return merge.AsText()?.Split(' ') is [string left, string right] ? (left, right) : default;
    }

    private List<int> Symbols(string word)
    {
        List<int> symbols = [];
        bool fuses = _model.Flag("fuse_unk") ?? false;
        bool fallsBackToBytes = _model.Flag("byte_fallback") ?? false;
        bool followsUnknown = false;
        int offset = 0;
        foreach (Rune rune in word.EnumerateRunes())
        {
            string symbol = offset == 0 ? rune.ToString() : _continuingPrefix + rune;
            offset += rune.Utf16SequenceLength;
            if (offset == word.Length)
                symbol += _wordSuffix;
            bool isUnknown = false;
            if (Ids.TryGetValue(symbol, out int id))
            {
                symbols.Add(id);
            }
            else if (fallsBackToBytes && Bytes(symbol) is { } bytes)
            {
                symbols.AddRange(bytes);
            }
            else if (_unknown is not null)
            {
                isUnknown = true;
                if (!fuses || !followsUnknown)
                    symbols.Add(Ids.TryGetValue(_unknown, out int unknown) ? unknown : throw new UnsupportedTokenizerException($"it has no token '{Shortened(_unknown)}' for unknown text"));
            }
            followsUnknown = isUnknown;
        }
        return symbols;
    }

    private int[]? Bytes(string symbol)
    {
        int[] bytes = [.. Encoding.UTF8.GetBytes(symbol).Select(value => Ids.GetValueOrDefault(string.Create(CultureInfo.InvariantCulture, $"<0x{value:X2}>"), -1))];
        return bytes.Contains(-1) ? null : bytes;
    }

    private (int Index, int Id)? Earliest(List<int> symbols)
    {
        (int Index, int Id)? earliest = null;
        int best = int.MaxValue;
        for (int i = 0; i + 1 < symbols.Count; i++)
        {
            if (_merges.TryGetValue((symbols[i], symbols[i + 1]), out (int Rank, int Id) merge) && merge.Rank < best)
            {
                best = merge.Rank;
                earliest = (i, merge.Id);
            }
        }
        return earliest;
    }
}
