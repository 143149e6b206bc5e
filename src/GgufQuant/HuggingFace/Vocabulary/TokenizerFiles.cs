using System.Text.Json;

namespace GgufQuant.HuggingFace.Vocabulary;

/// <summary>The JSON files that describe a model's tokenizer, each read at most once.</summary>
internal sealed class TokenizerFiles
{
    public const string TokenizerName = "tokenizer.json";
    public const string TokenizerConfigName = "tokenizer_config.json";

    private readonly Lazy<JsonElement?> _tokenizer;
    private readonly Lazy<JsonElement?> _tokenizerConfig;

    public TokenizerFiles(ModelFolder folder)
    {
        Folder = folder;
        _tokenizer = new(() => ReadObject(TokenizerName));
        _tokenizerConfig = new(() => ReadObject(TokenizerConfigName));
    }

    public ModelFolder Folder { get; }

    /// <summary>tokenizer.json; null if there is none.</summary>
    public JsonElement? Tokenizer => _tokenizer.Value;

    /// <summary>tokenizer_config.json; null if there is none.</summary>
    public JsonElement? TokenizerConfig => _tokenizerConfig.Value;

    public string TokenizerPath => Folder.PathOf(TokenizerName);

    private JsonElement? ReadObject(string name)
    {
        JsonElement? file = Folder.ReadJson(name);
        return file is null or { ValueKind: JsonValueKind.Object } ? file : throw new ModelFolderException(Folder.PathOf(name), "the file is not a JSON object");
    }
}
