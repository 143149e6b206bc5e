using System.Text.Json;

namespace GgufQuant.HuggingFace.Vocabulary;

/// <summary>Everything about a vocabulary except its tokens: merges, special tokens and which of them to add, chat templates, normalization.</summary>
/// <remarks>gguf-py's <c>SpecialVocab</c>, step by step: which file is used for what, and when, determines the order of the metadata.</remarks>
internal sealed class SpecialVocabulary
{
    private static readonly string[] s_types = ["bos", "eos", "unk", "sep", "pad", "cls", "mask"];

    // Types without a key are read but not written: cls, and the infill tokens', whose keys have changed.
    private static readonly Dictionary<string, string> s_idKeys = new()
    {
        ["bos"] = TokenizerKeys.BosId,
        ["eos"] = TokenizerKeys.EosId,
        ["unk"] = TokenizerKeys.UnkId,
        ["sep"] = TokenizerKeys.SepId,
        ["pad"] = TokenizerKeys.PadId,
        ["mask"] = TokenizerKeys.MaskId,
        ["eot"] = TokenizerKeys.EotId,
        ["eom"] = TokenizerKeys.EomId,
    };

    private static readonly Dictionary<string, string> s_addKeys = new()
    {
        ["bos"] = TokenizerKeys.AddBos,
        ["eos"] = TokenizerKeys.AddEos,
        ["sep"] = TokenizerKeys.AddSep,
    };

    private readonly ModelFolder _folder;
    private readonly ICollection<string> _warnings;
    private readonly int? _tokenCount;
    private readonly List<string> _types;
    private readonly OrderedDictionary<string, int> _ids = [];
    private readonly OrderedDictionary<string, bool> _adds = [];
    private readonly Dictionary<string, TokenName> _named = [];
    private IReadOnlyList<string> _merges = [];
    private ChatTemplates? _chatTemplates;
    private bool? _lowercase;
    private bool? _stripAccents;

    /// <summary>Reads the tokenizer's files and config.json.</summary>
    /// <param name="files">The tokenizer's files.</param>
    /// <param name="warnings">Receives a sentence for each oddity.</param>
    /// <param name="loadMerges">Whether to read merges.</param>
    /// <param name="tokenCount">Ids from this one on are dropped; null to keep all.</param>
    /// <param name="types">The types of special tokens to read; null for the usual ones.</param>
    public SpecialVocabulary(TokenizerFiles files, ICollection<string> warnings, bool loadMerges, int? tokenCount = null, string[]? types = null)
    {
        _folder = files.Folder;
        _warnings = warnings;
        _tokenCount = tokenCount;
        _types = [.. types ?? s_types];
        ReadTokenizer(files, loadMerges);
        ReadConfig();
        if (loadMerges && _merges.Count == 0)
            _merges = MergesFile.Read(_folder, warnings);
        if (loadMerges && _merges.Count == 0)
            warnings.Add("The tokenizer has no merges; llama.cpp may not be able to use it.");
    }

    /// <summary>Sets a special token unless its type is already set.</summary>
    public void SetDefault(string type, int id)
    {
        if (id < 0)
            _warnings.Add($"The special token '{type}' has the number {id}, so it is left out.");
        else if (id >= (_tokenCount ?? int.MaxValue))
            _warnings.Add($"The special token '{type}' has the number {id}, but there are only {_tokenCount} tokens, so it is left out.");
        else
            _ids.TryAdd(type, id);
    }

    public void AddTo(KeyList keys, bool withChatTemplates = true)
    {
        keys.Set(TokenizerKeys.Merges, _merges as string[] ?? [.. _merges]);
        foreach ((string type, int id) in _ids)
        {
            if (s_idKeys.TryGetValue(type, out string? key))
                keys.Set(key, (uint)id);
        }
        foreach ((string type, bool value) in _adds)
        {
            if (s_addKeys.TryGetValue(type, out string? key))
                keys.Set(key, value);
        }
        if (withChatTemplates)
            _chatTemplates?.AddTo(keys);
        if (_lowercase is { } lowercase)
            keys.Set(TokenizerKeys.NormalizerLowercase, lowercase);
        if (_stripAccents is { } stripAccents)
            keys.Set(TokenizerKeys.NormalizerStripAccents, stripAccents);
    }

    private void ReadTokenizer(TokenizerFiles files, bool loadMerges)
    {
        Dictionary<string, int?> added = new(StringComparer.Ordinal);
        // As in Python, an empty object is treated like a missing file.
        JsonElement? config = files.TokenizerConfig is { } some && some.EnumerateObject().Any() ? some : null;
        if (files.Tokenizer is { } tokenizer)
        {
            if (loadMerges)
                _merges = Merges.Read(files.TokenizerPath, tokenizer);
            if (tokenizer.Property("normalizer") is { } normalizer)
                ReadNormalizer(normalizer);
            foreach (JsonElement token in tokenizer.Items("added_tokens"))
            {
                if (token.Text("content") is { } content)
                    added.TryAdd(content, token.Integer("id"));
            }
            ReadPostProcessor(tokenizer, config);
        }
        if (config is not { } tokenizerConfig)
            return;

        _chatTemplates = ChatTemplates.Find(_folder, tokenizerConfig, _warnings);
        foreach (string type in _types)
        {
            if (tokenizerConfig.Flag($"add_{type}_token") is { } adds)
                _adds[type] = adds;
            if (Named(tokenizerConfig, type).Text is { } text && added.GetValueOrDefault(text) is { } id)
                SetDefault(type, id);
        }
    }

    private void ReadConfig()
    {
        foreach (string type in _types)
        {
            string name = $"{type}_token_id";
            if ((_folder.Config.Root.Property(name) ?? _folder.Config.Root.Property("text_config")?.Property(name))?.AsInteger() is { } id)
                SetDefault(type, id);
        }
    }

    private void ReadNormalizer(JsonElement normalizer)
    {
        switch (normalizer.Text("type"))
        {
            case "Lowercase":
                _lowercase = true;
                break;
            case "StripAccents":
                _stripAccents = true;
                break;
            case "BertNormalizer":
                if (normalizer.TryGetProperty("lowercase", out _))
                    _lowercase = normalizer.Flag("lowercase");
                if (normalizer.TryGetProperty("strip_accents", out _))
                    _stripAccents = normalizer.Flag("strip_accents");
                break;
            case "Sequence":
                foreach (JsonElement part in normalizer.Items("normalizers"))
                    ReadNormalizer(part);
                break;
        }
    }

    // The post-processor determines which special tokens llama.cpp adds, and may determine the eos token.
    private void ReadPostProcessor(JsonElement tokenizer, JsonElement? config)
    {
        if (Named(config, "bos").IsEmpty && Named(config, "cls") is { IsEmpty: false } cls)
            _named["bos"] = cls;
        if (Named(config, "eos").IsEmpty && Named(config, "sep") is { IsEmpty: false } sep)
            _named["eos"] = sep;
        if (tokenizer.Property("post_processor") is not { } postProcessor)
            return;
        foreach (JsonElement processor in postProcessor.Property("processors")?.AsItems() ?? [postProcessor])
        {
            switch (processor.Text("type"))
            {
                case "RobertaProcessing":
                    ReadRoberta(processor, config);
                    break;
                case "TemplateProcessing":
                    ReadTemplate(processor, config);
                    break;
            }
        }
    }

    private void ReadRoberta(JsonElement processor, JsonElement? config)
    {
        _adds["bos"] = true;
        _adds["eos"] = true;
        _adds["sep"] = true;
        if (config is null)
            return;
        if (Named(config, "cls").IsEmpty)
            _named["cls"] = First(processor, "cls") ?? Named(config, "bos");
        if (Named(config, "sep").IsEmpty)
            _named["sep"] = First(processor, "sep") ?? Named(config, "eos");
    }

    private void ReadTemplate(JsonElement processor, JsonElement? config)
    {
        JsonElement[] single = [.. processor.Items("single")];
        string? first = single.Length > 1 ? SpecialTokenOf(single[0]) : null;
        string? last = single.Length > 1 ? SpecialTokenOf(single[^1]) : null;
        if (first is not null)
            ReadLeading(first, config);
        if (last is not null)
            ReadTrailing(last, config);
        ReadPair([.. processor.Items("pair")], first, last, config);
    }

    private void ReadLeading(string first, JsonElement? config)
    {
        if (config is null)
        {
            _named["bos"] = new(first);
        }
        else if (!Is(first, "bos", config) && !Is(first, "cls", config))
        {
            if (Named(config, "bos").IsEmpty)
                _named["bos"] = new(first);
            if (Named(config, "cls").IsEmpty)
                _named["cls"] = new(first);
        }
        _adds["bos"] = Is(first, "bos", config) || Is(first, "cls", config);
        if (_adds["bos"] == false)
            _warnings.Add($"The tokenizer begins a text with '{first}', which is neither the bos nor the cls token.");
    }

    private void ReadTrailing(string last, JsonElement? config)
    {
        if (config is not null && !Is(last, "eos", config))
        {
            string? previous = new[] { "eot", "eom" }.FirstOrDefault(type => !_types.Contains(type));
            if (previous is null)
            {
                _warnings.Add($"The tokenizer ends a text with '{last}', which replaces the eos token.");
            }
            else
            {
                _types.Add(previous);
                _named[previous] = Named(config, "eos");
            }
        }
        _named["eos"] = new(last);
        _adds["eos"] = true;
    }

    // A [sep] [eos] B
    private void ReadPair(JsonElement[] pair, string? first, string? last, JsonElement? config)
    {
        if (pair.Length == 0)
            return;
        int start = first is not null && SpecialTokenOf(pair[0]) == first ? 1 : 0;
        int stop = last is not null && SpecialTokenOf(pair[^1]) == last ? pair.Length - 1 : pair.Length;
        JsonElement[] inner = start < stop ? pair[start..stop] : [];
        if (inner.Length < 3 || SequenceOf(inner[0]) != "A" || SequenceOf(inner[^1]) != "B")
            return;
        JsonElement[] middle = inner[1..^1];
        bool addsSep = last is null && IsSeparator(middle[0], config);
        if (middle.Length == 2)
            addsSep |= IsSeparator(middle[1], config);
        _adds["sep"] = addsSep;
        if (addsSep && config is not null && Named(config, "sep").IsEmpty)
            _named["sep"] = Named(config, "eos");
    }

    private bool IsSeparator(JsonElement part, JsonElement? config) =>
        SpecialTokenOf(part) is { } token && (Is(token, "sep", config) || Is(token, "eos", config));

    // As in Python, a token given as an object never equals a string.
    private bool Is(string token, string type, JsonElement? config) => Named(config, type) is { IsObject: false } name && name.Text == token;

    private TokenName Named(JsonElement? config, string type)
    {
        if (_named.TryGetValue(type, out TokenName name))
            return name;
        return config?.Property($"{type}_token") is not { } value ? default : value.ValueKind switch
        {
            JsonValueKind.String => new(value.GetString()),
            // As in Python, an empty object is falsy.
            JsonValueKind.Object when value.EnumerateObject().Any() => new(value.Text("content"), IsObject: true),
            _ => default,
        };
    }

    private static TokenName? First(JsonElement processor, string name) =>
        processor.Items(name).FirstOrDefault() is { ValueKind: JsonValueKind.String } text ? new TokenName(text.GetString()) : null;

    private static string? SpecialTokenOf(JsonElement part) => part.Property("SpecialToken")?.Text("id") is { Length: > 0 } id ? id : null;

    private static string? SequenceOf(JsonElement part) => part.Property("Sequence")?.Text("id");

    /// <summary>A special token in tokenizer_config.json: its text, or an object with the text as <c>content</c>.</summary>
    private readonly record struct TokenName(string? Text, bool IsObject = false)
    {
        public bool IsEmpty => !IsObject && string.IsNullOrEmpty(Text);
    }
}
