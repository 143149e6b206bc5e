namespace GgufQuant.HuggingFace.Vocabulary.Tokenization;

/// <summary>Every word is one token.</summary>
internal sealed class WordLevelModel(Dictionary<string, int> ids, string? unknown) : TokenModel(ids)
{
    public override void Encode(string word, List<int> ids)
    {
        if (!Ids.TryGetValue(word, out int id) && !Ids.TryGetValue(unknown ?? "", out id))
            throw new UnsupportedTokenizerException("it has no token for unknown text");
        ids.Add(id);
    }
}
