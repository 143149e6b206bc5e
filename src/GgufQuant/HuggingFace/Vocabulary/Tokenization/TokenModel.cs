using System.Text.Json;

namespace GgufQuant.HuggingFace.Vocabulary.Tokenization;

/// <summary>The model of a tokenizer.json: its tokens, and how a word is split into them.</summary>
internal abstract class TokenModel
{
    private readonly Dictionary<string, int> _ids;

    protected TokenModel(Dictionary<string, int> ids) => _ids = ids;

    /// <summary>The texts of the tokens with their ids; added tokens may be among them.</summary>
    public IReadOnlyDictionary<string, int> Ids => _ids;

    /// <summary>The number of tokens, as the tokenizers library counts them.</summary>
    public virtual int Count => _ids.Count;

    /// <summary>Appends a word's tokens.</summary>
    /// <exception cref="UnsupportedTokenizerException">Models of this kind are not run, or the model lacks a token that it needs.</exception>
    public abstract void Encode(string word, List<int> ids);

    /// <param name="path">The file, for messages.</param>
    /// <param name="tokenizer">The content of tokenizer.json.</param>
    /// <exception cref="ModelFolderException">There is no model, or its tokens are not valid.</exception>
    public static TokenModel Read(string path, JsonElement tokenizer)
    {
        JsonElement model = tokenizer.Property("model") ?? throw new ModelFolderException(path, "the tokenizer has no model");
        return TypeOf(model) switch
        {
            "BPE" => BytePairModel.Create(path, model),
            "WordPiece" => new WordPieceModel(
                ReadVocabulary(path, model), model.Text("unk_token"), model.Text("continuing_subword_prefix") ?? "##", model.Integer("max_input_chars_per_word") ?? 100),
            "WordLevel" => new WordLevelModel(ReadVocabulary(path, model), model.Text("unk_token")),
            "Unigram" => UnigramModel.Create(path, model),
            string type => throw new ModelFolderException(path, $"the tokenizer's model has the unknown type '{type}'"),
        };
    }

    /// <summary>The model's type; old files lack it, so it is inferred from the properties.</summary>
    public static string TypeOf(JsonElement model) => model.Text("type")
        ?? (model.Property("vocab") is { ValueKind: JsonValueKind.Array } ? "Unigram"
            : model.Property("merges") is not null ? "BPE"
            : model.Property("continuing_subword_prefix") is not null ? "WordPiece" : "WordLevel");

    /// <summary>Reads <c>{"text": id, …}</c>.</summary>
    protected static Dictionary<string, int> ReadVocabulary(string path, JsonElement model)
    {
        if (model.Property("vocab") is not { ValueKind: JsonValueKind.Object } vocabulary)
            throw new ModelFolderException(path, "the tokenizer's model has no 'vocab'");
        Dictionary<string, int> ids = new(StringComparer.Ordinal);
        foreach (JsonProperty token in vocabulary.EnumerateObject())
        {
            ids[token.Name] = token.Value.AsInteger() is { } id and >= 0 and < TokenList.MaxCount
                ? id
                : throw new ModelFolderException(path, $"the token '{Shortened(token.Name)}' has the id {Shortened(token.Value.ToString())}, which is not a number from 0 to {TokenList.MaxCount - 1}");
        }
        return ids;
    }

    protected static string Shortened(string text) => text.Length <= 40 ? text : $"{text[..40]}…";
}
