using System.Text;

namespace GgufQuant.HuggingFace.Vocabulary.Tokenization;

/// <summary>The added tokens of a tokenizer, with the ids that they get when added to its model.</summary>
/// <remarks>tokenizers' <c>AddedVocabulary</c>. The ids in the files are ignored.</remarks>
internal sealed class AddedVocabulary(TokenModel model)
{
    private readonly Dictionary<string, int> _ids = new(StringComparer.Ordinal);
    private readonly SortedDictionary<int, AddedToken> _tokens = [];
    private int _maxId = -1;

    /// <summary>The tokens by id.</summary>
    public IReadOnlyDictionary<int, AddedToken> Tokens => _tokens;

    public bool TryGetId(string content, out int id) => _ids.TryGetValue(content, out id);

    /// <summary>Adds a token, or replaces the properties of one with the same text.</summary>
    public void Add(AddedToken token)
    {
        if (!_ids.TryGetValue(token.Content, out int id) && !model.Ids.TryGetValue(token.Content, out id))
            id = Math.Max(_maxId + 1, model.Count);
        if (id >= TokenList.MaxCount)
            throw new UnsupportedTokenizerException($"it has more than {TokenList.MaxCount} tokens");
        _maxId = Math.Max(_maxId, id);
        _ids[token.Content] = id;
        _tokens[id] = token;
    }

    /// <summary>Creates a search for the tokens that match raw text, or for those that match normalized text.</summary>
    /// <param name="areNormalized">Which tokens.</param>
    /// <param name="normalize">How their texts are normalized.</param>
    public Finder CreateFinder(bool areNormalized, Func<string, string> normalize) =>
        new(_tokens.Where(pair => pair.Value.IsNormalized == areNormalized)
            .Select(pair => (normalize(pair.Value.Content), pair.Key, pair.Value)));

    /// <summary>Finds tokens from left to right, the longest first.</summary>
    internal sealed class Finder
    {
        private readonly Dictionary<char, (string Text, int Id, AddedToken Token)[]> _byStart;

        public Finder(IEnumerable<(string Text, int Id, AddedToken Token)> tokens) => _byStart = tokens
            .Where(token => token.Text.Length > 0)
            .GroupBy(token => token.Text[0])
            .ToDictionary(group => group.Key, group => group.OrderByDescending(token => token.Text.Length).ToArray());

        /// <summary>Splits a text into tokens' ids, without a segment, and the segments between them.</summary>
        public IEnumerable<(Segment Segment, int? Id)> Split(Segment segment)
        {
            string text = segment.Text;
            int position = 0;
            for (int start = 0; start < text.Length;)
            {
                if (At(text, start) is not { Text: { } found } match)
                {
                    start++;
                    continue;
                }
                int next = start + found.Length;
                if (match.Token.IsSingleWord && (EndsWithWord(text.AsSpan(0, start)) || StartsWithWord(text.AsSpan(next))))
                {
                    start = next;
                    continue;
                }
                int left = match.Token.StripsLeft ? Math.Max(position, text.AsSpan(0, start).TrimEnd().Length) : start;
                int right = match.Token.StripsRight ? text.Length - text.AsSpan(next).TrimStart().Length : next;
                if (position < left)
                    yield return (new(text[position..left], segment.IsFirst && position == 0), null);
                yield return (default, match.Id);
                position = right;
                start = next;
            }
            if (position < text.Length)
                yield return (new(text[position..], segment.IsFirst && position == 0), null);
        }

        private (string? Text, int Id, AddedToken Token) At(string text, int start) => _byStart.TryGetValue(text[start], out (string Text, int Id, AddedToken Token)[]? tokens)
            ? tokens.FirstOrDefault(token => text.AsSpan(start).StartsWith(token.Text, StringComparison.Ordinal))
            : default;

        private static bool EndsWithWord(ReadOnlySpan<char> text) =>
            Rune.DecodeLastFromUtf16(text, out Rune rune, out _) == System.Buffers.OperationStatus.Done && PreTokenizer.IsWordCharacter(rune);

        private static bool StartsWithWord(ReadOnlySpan<char> text) =>
            Rune.DecodeFromUtf16(text, out Rune rune, out _) == System.Buffers.OperationStatus.Done && PreTokenizer.IsWordCharacter(rune);
    }
}
