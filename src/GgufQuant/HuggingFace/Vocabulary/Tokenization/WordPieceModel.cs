namespace GgufQuant.HuggingFace.Vocabulary.Tokenization;

/// <summary>WordPiece: takes the longest token at the start of a word, then the longest that continues it, and so on.</summary>
internal sealed class WordPieceModel(Dictionary<string, int> ids, string? unknown, string continuingPrefix, int maxCharacters) : TokenModel(ids)
{
    public override void Encode(string word, List<int> ids)
    {
        List<int> pieces = [];
        int start = word.EnumerateRunes().Count() > maxCharacters ? -1 : 0;
        while (start >= 0 && start < word.Length)
            start = AddLongest(word, start, pieces);
        if (start < 0)
            pieces = [Ids.TryGetValue(unknown ?? "", out int id) ? id : throw new UnsupportedTokenizerException("it has no token for unknown text")];
        ids.AddRange(pieces);
    }

    // The end of the piece; -1 if there is none.
    private int AddLongest(string word, int start, List<int> pieces)
    {
        for (int end = word.Length; end > start; end -= char.IsLowSurrogate(word[end - 1]) ? 2 : 1)
        {
            string piece = start == 0 ? word[start..end] : continuingPrefix + word[start..end];
            if (Ids.TryGetValue(piece, out int id))
            {
                pieces.Add(id);
                return end;
            }
        }
        return -1;
    }
}
