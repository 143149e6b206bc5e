using System.Text.Json;

namespace GgufQuant.HuggingFace.Vocabulary.Tokenization;

/// <summary>The tokenizer that transformers creates from tokenizer.json and tokenizer_config.json.</summary>
/// <remarks>
/// transformers' <c>PreTrainedTokenizerFast</c>: tokens that only tokenizer_config.json lists are added, and some classes
/// replace the post-processor. Written for single short texts, not for speed.
/// </remarks>
internal sealed class FastTokenizer
{
    private readonly JsonElement _tokenizer;
    private readonly JsonElement? _config;
    private readonly TokenizerClass _class;
    private readonly List<string> _specialTokens = [];
    private readonly Dictionary<string, string> _named = [];

    /// <param name="files">The files: tokenizer.json, or vocab.json and merges.txt.</param>
    /// <exception cref="ModelFolderException">There are no such files, or their tokens are not valid.</exception>
    public FastTokenizer(TokenizerFiles files)
    {
        bool isSlow = files.Tokenizer is null && SlowTokenizer.IsIn(files.Folder);
        Path = isSlow ? files.Folder.PathOf(SlowTokenizer.VocabularyName) : files.TokenizerPath;
        _tokenizer = isSlow ? SlowTokenizer.Read(files) : files.Tokenizer ?? throw new ModelFolderException(Path, "the model has no such file");
        _config = files.TokenizerConfig;
        _class = TokenizerClass.Of(_config, files.Folder.Config.ModelType);
        Model = TokenModel.Read(Path, _tokenizer);
        Added = new(Model);
        foreach (JsonElement token in _tokenizer.Items("added_tokens"))
        {
            if (AddedToken.Read(token) is { } added)
                Added.Add(added);
        }
        AddConfigured();
    }

    /// <summary>The path of tokenizer.json, or of vocab.json.</summary>
    public string Path { get; }

    public TokenModel Model { get; }

    public AddedVocabulary Added { get; }

    /// <summary>The name of a well-known pre-tokenizer with the same rules; null if there is none.</summary>
    public string? LikelyPreTokenizer => PreTokenizerRules.FindName(_tokenizer);

    /// <summary>The distinct texts of all special tokens that have a role.</summary>
    public IReadOnlyList<string> SpecialTokens => _specialTokens;

    /// <summary>The id of a token of the model or an added one.</summary>
    public bool TryGetId(string token, out int id) => Added.TryGetId(token, out id) || Model.Ids.TryGetValue(token, out id);

    /// <summary>The tokens of a text, including those that the post-processor adds.</summary>
    /// <exception cref="UnsupportedTokenizerException">The tokenizer has parts that are not known, or takes too long.</exception>
    public IReadOnlyList<int> Encode(string text)
    {
        PartCount parts = new();
        Normalizer? normalizer = _tokenizer.Property("normalizer") is { } normalization ? Normalizer.Read(normalization, parts) : null;
        // transformers takes it from tokenizer_config.json only.
        bool addsPrefixSpace = _config?.Flag("add_prefix_space") ?? false;
        PreTokenizer? preTokenizer = _tokenizer.Property("pre_tokenizer") is { } splitting ? PreTokenizer.Read(splitting, parts, addsPrefixSpace) : null;
        string Normalize(string raw) => normalizer?.Apply(raw) ?? raw;

        List<int> ids = [];
        AddedVocabulary.Finder asTheyAre = Added.CreateFinder(areNormalized: false, raw => raw);
        AddedVocabulary.Finder normalized = Added.CreateFinder(areNormalized: true, Normalize);
        foreach ((Segment raw, int? id) in asTheyAre.Split(new(text, IsFirst: true)))
        {
            if (id is { } added)
            {
                ids.Add(added);
                continue;
            }
            foreach ((Segment segment, int? normalizedId) in normalized.Split(raw with { Text = Normalize(raw.Text) }))
            {
                if (normalizedId is { } found)
                    ids.Add(found);
                else
                    Encode(preTokenizer, segment, ids);
            }
        }
        return _class.ReplacesPostProcessor ? Surrounded(ids) : PostProcessor.Apply(_tokenizer.Property("post_processor"), ids, parts);
    }

    /// <summary>The decoded text of one token.</summary>
    public string Decode(string token) => TokenDecoder.Apply(_tokenizer.Property("decoder"), token, new());

    private void Encode(PreTokenizer? preTokenizer, Segment segment, List<int> ids)
    {
        foreach (Segment word in preTokenizer?.Apply(segment) ?? [segment])
            Model.Encode(word.Text, ids);
    }

    private void AddConfigured()
    {
        Dictionary<string, AddedToken> configured = new(StringComparer.Ordinal);
        SortedDictionary<int, AddedToken> byId = [];
        foreach (JsonProperty token in _config?.Property("added_tokens_decoder") is { ValueKind: JsonValueKind.Object } decoder ? decoder.EnumerateObject().ToArray() : [])
        {
            if (int.TryParse(token.Name, out int id) && AddedToken.Read(token.Value) is { } added)
            {
                byId[id] = added;
                configured[added.Content] = added;
            }
        }
        List<AddedToken> special = [.. SpecialOnes(configured)];
        foreach (AddedToken token in special)
        {
            if (!_specialTokens.Contains(token.Content))
                _specialTokens.Add(token.Content);
        }
        HashSet<string> names = new(_specialTokens, StringComparer.Ordinal);
        foreach (AddedToken token in byId.Values)
            Added.Add(token with { IsSpecial = token.IsSpecial || names.Contains(token.Content) });
        foreach (AddedToken token in special)
        {
            if (!Added.TryGetId(token.Content, out _))
                Added.Add(token with { IsSpecial = true });
        }
    }

    private IEnumerable<AddedToken> SpecialOnes(Dictionary<string, AddedToken> configured)
    {
        foreach (string name in TokenizerClass.SpecialNames)
        {
            AddedToken? token = _config is { } config && config.TryGetProperty(name, out JsonElement value)
                ? Named(value, configured)
                : _class.Defaults.TryGetValue(name, out string? content) ? Existing(content, configured) : null;
            if (token is null)
                continue;
            _named[name] = token.Content;
            yield return token;
        }
        foreach (JsonElement additional in _config?.Items("additional_special_tokens") ?? [])
        {
            if (Named(additional, configured) is { } token)
                yield return token;
        }
    }

    private static AddedToken? Named(JsonElement value, Dictionary<string, AddedToken> configured)
    {
        AddedToken? token = value.AsText() is { Length: > 0 } content ? AddedToken.Special(content) : AddedToken.Read(value);
        return token is null ? null : configured.GetValueOrDefault(token.Content) ?? token;
    }

    // Tokens that only the class names are special if the tokenizer has them, but are not added to it.
    private AddedToken? Existing(string content, Dictionary<string, AddedToken> configured) =>
        configured.TryGetValue(content, out AddedToken? token) ? token : TryGetId(content, out _) ? AddedToken.Special(content) : null;

    private List<int> Surrounded(List<int> ids)
    {
        List<int> surrounded = [];
        if (_config?.Flag("add_bos_token") ?? true)
            surrounded.Add(IdOf("bos_token"));
        surrounded.AddRange(ids);
        if (_config?.Flag("add_eos_token") ?? false)
            surrounded.Add(IdOf("eos_token"));
        return surrounded;
    }

    private int IdOf(string name) => _named.TryGetValue(name, out string? token) && TryGetId(token, out int id)
        ? id
        : throw new UnsupportedTokenizerException($"it should add a {name} token, but has none");
}
