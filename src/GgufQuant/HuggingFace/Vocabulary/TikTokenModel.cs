using System.Buffers.Text;
using System.Globalization;
using System.Text;
using GgufQuant.HuggingFace.Vocabulary.Tokenization;

namespace GgufQuant.HuggingFace.Vocabulary;

/// <summary>The vocabulary of Kimi's models in tiktoken.model: byte sequences with their ranks, one per line.</summary>
/// <remarks>Read as by the model's code and tiktoken; merges are recovered as in convert_hf_to_gguf's <c>QwenModel.bpe</c>.</remarks>
internal sealed class TikTokenModel
{
    /// <summary>The file's name.</summary>
    public const string FileName = "tiktoken.model";

    /// <summary>The number of special tokens after the others, named or not.</summary>
    public const int SpecialCount = 258;

    // About a thousand times what splitting a real vocabulary takes.
    private const long MaxWork = 1L << 30;

    // The pattern from the model's code; Chinese characters are not part of words.
    private const string Pattern =
        @"[\p{Han}]+"
        + @"|[^\r\n\p{L}\p{N}]?(?:(?!\p{Han})[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])*(?:(?!\p{Han})[\p{Ll}\p{Lm}\p{Lo}\p{M}])+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        + @"|[^\r\n\p{L}\p{N}]?(?:(?!\p{Han})[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}])+(?:(?!\p{Han})[\p{Ll}\p{Lm}\p{Lo}\p{M}])*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
        + @"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    // Each char stands for a byte.
    private readonly OrderedDictionary<string, int> _ranks = new(StringComparer.Ordinal);
    private readonly string _path;
    private long _work;

    private TikTokenModel(string path) => _path = path;

    /// <summary>The number of tokens.</summary>
    public int Count => _ranks.Count;

    /// <summary>The tokens in the letters of byte-level BPE, with their ids.</summary>
    public IEnumerable<(string Text, int Id)> Tokens => _ranks.Select(pair => (Letters(pair.Key), pair.Value));

    /// <summary>Reads a file's content.</summary>
    /// <exception cref="ModelFolderException">It is not a tiktoken vocabulary.</exception>
    public static TikTokenModel Read(string path, ReadOnlySpan<byte> content)
    {
        TikTokenModel model = new(path);
        int number = 0;
        foreach (Range line in content.Split((byte)'\n'))
        {
            number++;
            ReadOnlySpan<byte> text = content[line].TrimEnd((byte)'\r');
            if (text.IsEmpty)
                continue;
            int space = text.IndexOf((byte)' ');
            byte[] token = new byte[Math.Max(0, Base64.GetMaxDecodedFromUtf8Length(Math.Max(0, space)))];
            if (space <= 0 || Base64.DecodeFromUtf8(text[..space], token, out _, out int length) != System.Buffers.OperationStatus.Done
                || !int.TryParse(text[(space + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out int rank) || rank >= TokenList.MaxCount)
            {
                throw new ModelFolderException(path, $"line {number} is not a token in Base64 with its rank");
            }
            model._ranks[Encoding.Latin1.GetString(token, 0, length)] = rank;
        }
        return model;
    }

    /// <summary>The pairs that form tokens, in the tokens' order.</summary>
    /// <exception cref="ModelFolderException">Tokens are too long to be split.</exception>
    public IEnumerable<string> Merges()
    {
        foreach ((string token, int rank) in _ranks)
        {
            if (token.Length > 1 && Split(token, rank) is [var left, var right])
                yield return $"{Letters(left)} {Letters(right)}";
        }
    }

    /// <summary>The ids of a text's tokens.</summary>
    /// <exception cref="UnsupportedTokenizerException">The text cannot be split.</exception>
    public List<int> Encode(string text)
    {
        List<int> ids = [];
        foreach ((int start, int end) in SplitPattern.FromOniguruma(Pattern).Find(text))
        {
            string piece = Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(text[start..end]));
            foreach (string part in _ranks.ContainsKey(piece) ? [piece] : Split(piece, int.MaxValue))
                ids.Add(_ranks.TryGetValue(part, out int id) ? id : throw new UnsupportedTokenizerException($"'{FileName}' lacks a token for a single byte"));
        }
        return ids;
    }

    // Repeatedly merges the pair of lowest rank, as long as that is below the limit.
    private List<string> Split(string token, int below)
    {
        _work += (long)token.Length * token.Length;
        if (_work > MaxWork)
            throw new ModelFolderException(_path, "the tokens are far longer than those of a vocabulary");
        List<string> parts = [.. token.Select(letter => letter.ToString())];
        while (true)
        {
            (int best, int lowest) = (-1, below);
            for (int i = 0; i < parts.Count - 1; i++)
            {
                if (_ranks.TryGetValue(parts[i] + parts[i + 1], out int rank) && rank < lowest)
                    (best, lowest) = (i, rank);
            }
            if (best < 0)
                return parts;
            parts[best] += parts[best + 1];
            parts.RemoveAt(best + 1);
        }
    }

    private static string Letters(string token) => ByteAlphabet.Encode(Encoding.Latin1.GetBytes(token));
}
