using System.Text.Json;

namespace GgufQuant.HuggingFace.Vocabulary.Tokenization;

/// <summary>Unigram: tokens with log probabilities. Not run, because its pre-tokenizer is not recognized by tokens.</summary>
internal sealed class UnigramModel : TokenModel
{
    private UnigramModel(Dictionary<string, int> ids, List<(string Text, float Score)> pieces, int? unknownId)
        : base(ids)
    {
        Pieces = pieces;
        UnknownId = unknownId;
    }

    public IReadOnlyList<(string Text, float Score)> Pieces { get; }

    public int? UnknownId { get; }

    public override int Count => Pieces.Count;

    /// <exception cref="ModelFolderException">Tokens are not valid.</exception>
    public static UnigramModel Create(string path, JsonElement model)
    {
        if (model.Property("vocab") is not { ValueKind: JsonValueKind.Array } vocabulary || vocabulary.GetArrayLength() > TokenList.MaxCount)
            throw new ModelFolderException(path, $"the tokenizer's model has no 'vocab' of at most {TokenList.MaxCount} tokens");
        Dictionary<string, int> ids = new(StringComparer.Ordinal);
        List<(string Text, float Score)> pieces = [];
        foreach (JsonElement piece in vocabulary.EnumerateArray())
        {
            if (piece.ValueKind != JsonValueKind.Array || piece.GetArrayLength() != 2 || piece[0].AsText() is not { } text
                || piece[1].ValueKind != JsonValueKind.Number || !piece[1].TryGetDouble(out double score))
                throw new ModelFolderException(path, $"token {pieces.Count} is not a pair of a string and a score");
            ids[text] = pieces.Count;
            pieces.Add((text, (float)score));
        }
        return new(ids, pieces, model.Integer("unk_id"));
    }

    public override void Encode(string word, List<int> ids) =>
        throw new UnsupportedTokenizerException("its model is a Unigram model, which has no pre-tokenizer to recognize");
}
