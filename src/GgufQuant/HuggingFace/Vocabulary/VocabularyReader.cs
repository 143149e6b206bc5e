using System.Text.Json;
using System.Text.RegularExpressions;
using GgufQuant.HuggingFace.Vocabulary.Tokenization;

namespace GgufQuant.HuggingFace.Vocabulary;

/// <summary>Creates the keys of a model's vocabulary; the <c>set_vocab</c> functions of convert_hf_to_gguf.</summary>
internal sealed partial class VocabularyReader
{
    private const string SentencePieceName = "tokenizer.model";
    private const float AddedScore = -1000;
    private const int CodeLlamaSize = 32016;
    private const int GraniteSize = 49152;

    // Always visible, for programs that parse the model's answer.
    private static readonly HashSet<string> s_visibleTokensOfGemma4 =
        ["<|channel>", "<channel|>", "<|tool_call>", "<tool_call|>", "<|tool_response>", "<tool_response|>", "<|\"|>"];

    private readonly ModelFolder _folder;
    private readonly VocabularyOptions _options;
    private readonly TokenizerFiles _files;
    private readonly KeyList _keys = new();
    private readonly List<string> _warnings = [];
    private readonly Lazy<FastTokenizer> _tokenizer;
    private TokenList? _tokens;
    private UnknownPreTokenizerException? _unknownPreTokenizer;

    public VocabularyReader(ModelFolder folder, VocabularyOptions options)
    {
        _folder = folder;
        _options = options;
        _files = new(folder);
        _tokenizer = new(() => new FastTokenizer(_files));
    }

    private FastTokenizer Tokenizer => _tokenizer.Value;

    private ModelConfig Config => _options.Config ?? _folder.Config;

    private bool HasSentencePiece => _folder.Contains(SentencePieceName);

    /// <summary>Reads the vocabulary. Call it only once.</summary>
    /// <param name="kind">How models of this architecture store their vocabulary.</param>
    /// <exception cref="ModelFolderException">A file is missing or not valid, or contradicts another.</exception>
    /// <exception cref="UnknownPreTokenizerException">llama.cpp does not recognize the pre-tokenizer, and the options do not name it.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public VocabularyKeys Read(VocabularyKind kind)
    {
        try
        {
            return ReadOrThrow(kind);
        }
        catch (ModelFolderException exception) when (_options.IsTolerant)
        {
            return new([], null, []) { Fault = exception };
        }
    }

    private VocabularyKeys ReadOrThrow(VocabularyKind kind)
    {
        try
        {
            Add(kind);
        }
        catch (UnsupportedTokenizerException exception)
        {
            throw new ModelFolderException(_files.TokenizerPath, $"the tokenizer cannot be converted, because {exception.Message}", exception);
        }
        return new(_keys.ToEntries(), _tokens!.Count, _warnings) { Description = Describe(), Fault = _unknownPreTokenizer };
    }

    private void Add(VocabularyKind kind)
    {
        switch (kind)
        {
            case VocabularyKind.Gpt2:
                AddGpt2();
                break;
            case VocabularyKind.Deepseek:
                if (_files.Tokenizer is null && _folder.Contains(TikTokenModel.FileName))
                    AddTikToken();
                else
                    AddGpt2();
                break;
            case VocabularyKind.SentencePiece:
                AddSentencePiece(Size());
                break;
            case VocabularyKind.SentencePieceOrGpt2:
                AddSentencePieceOr(AddGpt2);
                break;
            case VocabularyKind.Llama:
                AddLlama();
                break;
            case VocabularyKind.Gemma:
                AddSentencePieceOr(AddLlamaHf);
                AddEndOfTurnOfGemma();
                _keys.Set(TokenizerKeys.AddSpacePrefix, false);
                break;
            case VocabularyKind.Gemma2:
                AddSentencePieceOr(AddLlamaHf);
                _keys.Set(TokenizerKeys.AddSpacePrefix, false);
                break;
            case VocabularyKind.Gemma3:
                AddSentencePieceOr(AddGpt2);
                if (HasSentencePiece)
                    _keys.Set(TokenizerKeys.AddSpacePrefix, false);
                break;
            case VocabularyKind.Gemma4:
                AddGemma4();
                break;
            case VocabularyKind.Nemotron:
                AddSentencePiece(Size());
                _keys.Set(TokenizerKeys.PadId, 0u);
                _keys.Set(TokenizerKeys.UnkId, 1u);
                break;
            case VocabularyKind.Phi3:
                AddPhi3();
                break;
            case VocabularyKind.Glm4:
                AddGpt2(Size(), ("eos", "<|endoftext|>"), ("eot", "<|user|>"), ("unk", "<|endoftext|>"), ("bos", "<|endoftext|>"));
                break;
            case VocabularyKind.Glm4Moe:
                AddGpt2(Size(), ("bos", "[gMASK]"), ("eot", "<|user|>"), ("unk", "<|endoftext|>"), ("eom", "<|observation|>"));
                break;
            case VocabularyKind.SolarOpen:
                AddGpt2(Size(), ("eos", "<|endoftext|>"), ("eot", "<|endoftext|>"), ("unk", "<unk>"), ("bos", "<|startoftext|>"));
                break;
            case VocabularyKind.ChatGlm:
                AddGpt2(Size(), ("eos", "<|endoftext|>"), ("eot", "<|user|>"), ("unk", "<|endoftext|>"));
                break;
            case VocabularyKind.Ernie:
                AddSentencePiece(Size());
                if (_files.TokenizerConfig?.Flag("add_prefix_space") is { } addsPrefix)
                    _keys.Set(TokenizerKeys.AddSpacePrefix, addsPrefix);
                break;
            case VocabularyKind.Hunyuan:
                AddHunyuan();
                break;
            case VocabularyKind.Mamba:
                AddMamba(PaddedSize(Config.FindInt64("pad_vocab_size_multiple") ?? 8), prefersSentencePiece: false);
                break;
            case VocabularyKind.Mamba2:
                AddMamba(PaddedSize(Config.FindInt64("pad_vocab_size_multiple") ?? 16), prefersSentencePiece: true);
                break;
            case VocabularyKind.GraniteHybrid:
                AddMamba(PaddedSize(HasMambaLayers() ? 8 : 1), prefersSentencePiece: true);
                break;
            case VocabularyKind.Bert:
                AddBert();
                break;
            case VocabularyKind.Roberta:
                AddRoberta();
                break;
            case VocabularyKind.ModernBert:
                _keys.Set(TokenizerKeys.AddBos, true);
                _keys.Set(TokenizerKeys.AddEos, true);
                _keys.Set(TokenizerKeys.AddSep, true);
                AddGpt2();
                break;
            case VocabularyKind.NomicBert:
                AddNomicBert();
                break;
            case VocabularyKind.XlmRoberta:
                AddXlmRoberta(maskId: null);
                break;
            case VocabularyKind.JinaBert:
                AddJinaBert();
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(kind), kind, null);
        }
    }

    private void AddGpt2() => AddGpt2(Size());

    // _set_vocab_gpt2, and _set_vocab_glm with tokens for types that are not set.
    private void AddGpt2(int? size, params ReadOnlySpan<(string Type, string Token)> defaults)
    {
        TokenList tokens = ReadBase(size, out string pre);
        _keys.Set(TokenizerKeys.Model, "gpt2");
        _keys.Set(TokenizerKeys.Pre, pre);
        AddTokens(tokens, withScores: false);
        SpecialVocabulary special = new(_files, _warnings, loadMerges: true);
        foreach ((string type, string token) in defaults)
        {
            if (Tokenizer.Added.TryGetId(token, out int id))
                special.SetDefault(type, id);
            else
                _warnings.Add($"The tokenizer has no added token '{token}' for '{type}', as models of this class have.");
        }
        special.AddTo(_keys);
    }

    // get_vocab_base
    private TokenList ReadBase(int? size, out string pre)
    {
        int max = Tokenizer.Model.Ids.Values.Concat(Tokenizer.Added.Tokens.Keys).DefaultIfEmpty(-1).Max();
        int count = size ?? Tokenizer.Model.Ids.Keys.Concat(Tokenizer.Added.Tokens.Values.Select(token => token.Content)).Distinct(StringComparer.Ordinal).Count();
        if (max >= count)
            throw new ModelFolderException(Tokenizer.Path, $"a token has the id {max}, but vocab_size in config.json is {count}: one of the files belongs to another model");
        pre = PreTokenizer();
        TokenList tokens = new(count);
        foreach ((string text, int id) in Tokenizer.Model.Ids)
            tokens.Set(id, text, TokenType.Normal);
        foreach ((int id, AddedToken token) in Tokenizer.Added.Tokens)
            SetAdded(tokens, id, token);
        return tokens;
    }

    private void SetAdded(TokenList tokens, int id, AddedToken token)
    {
        string text = token.IsNormalized ? token.Content : Tokenizer.Decode(token.Content);
        if (token.IsSpecial || LooksSpecial(text))
            tokens.Set(id, text, TokenType.Control);
        else
            tokens.Set(id, text.Replace('\u2581', ' '), TokenType.UserDefined);
    }

    private string PreTokenizer()
    {
        if (_options.PreTokenizer is { } given)
            return given;
        string hash;
        try
        {
            hash = PreTokenizerHash.Of(Tokenizer.Encode(PreTokenizerHash.CheckText));
        }
        catch (UnsupportedTokenizerException exception)
        {
            return Unknown(new UnknownPreTokenizerException(Tokenizer.Path, exception.Message, exception));
        }
        return PreTokenizerNames.Find(hash) ?? Unknown(new UnknownPreTokenizerException(Tokenizer.Path, hash, Tokenizer.LikelyPreTokenizer));
    }

    // A key with an empty value is left out.
    private string Unknown(UnknownPreTokenizerException exception)
    {
        _unknownPreTokenizer = exception;
        return _options.IsTolerant ? "" : throw exception;
    }

    // DeepseekV2Model.set_vocab, for Kimi's models, which bring their own tokenizer code.
    private void AddTikToken()
    {
        const string Name = "kimi-k2";
        string path = _folder.PathOf(TikTokenModel.FileName);
        TikTokenModel model = TikTokenModel.Read(path, _folder.ReadBytes(TikTokenModel.FileName));
        string? pre = _options.PreTokenizer;
        if (pre is null)
        {
            string hash = PreTokenizerHash.Of(model.Encode(PreTokenizerHash.CheckText));
            pre = PreTokenizerNames.Find(hash) == Name ? Name : Unknown(new UnknownPreTokenizerException(path, hash, Name));
        }
        TokenList tokens = new(Size() ?? throw new ModelFolderException(Config.Path, "vocab_size is missing"));
        foreach ((string text, int id) in model.Tokens.Where(token => token.Id < tokens.Count))
            tokens.Set(id, text, TokenType.Normal);
        for (int id = model.Count; id < Math.Min(tokens.Count, model.Count + TikTokenModel.SpecialCount); id++)
            tokens.Set(id, $"<|reserved_token_{id}|>", TokenType.Control);
        foreach ((int id, string text, _) in AddedTokensOfConfig(tokens.Count))
        {
            if (id >= model.Count && id < model.Count + TikTokenModel.SpecialCount)
                tokens.Set(id, text, TokenType.Control);
        }
        _keys.Set(TokenizerKeys.Model, "gpt2");
        _keys.Set(TokenizerKeys.Pre, pre);
        AddTokens(tokens, withScores: false);
        _keys.Set(TokenizerKeys.Merges, model.Merges().ToArray());
        new SpecialVocabulary(_files, _warnings, loadMerges: false).AddTo(_keys);
    }

    private void AddSentencePieceOr(Action otherwise)
    {
        if (HasSentencePiece)
            AddSentencePiece(Size());
        else if (_files.Tokenizer is not null || SlowTokenizer.IsIn(_folder))
            otherwise();
        else
            throw new ModelFolderException(_folder.Path, $"the model has neither {SentencePieceName} nor {TokenizerFiles.TokenizerName}, so it has no vocabulary");
    }

    // _set_vocab_sentencepiece
    private void AddSentencePiece(int? size)
    {
        SentencePieceModel model = ReadSentencePiece(SentencePieceName);
        TokenList tokens = new(Config.FindInt64("vocab_size_per_layer_input") is { } ofLayers and not 0 ? Checked(ofLayers) : size is null or 0 ? model.Pieces.Count : size.Value);
        if (model.Pieces.Count > tokens.Count)
            _warnings.Add($"{SentencePieceName} has {model.Pieces.Count} tokens, but vocab_size in config.json is {tokens.Count}: the last ones are left out.");
        SetPieces(tokens, model);
        foreach ((string text, int id) in AddedTokensOfFile(tokens.Count))
            tokens.Set(id, text, TokenType.UserDefined, AddedScore);
        foreach ((int id, string text, bool isSpecial) in AddedTokensOfConfig(tokens.Count))
        {
            if (isSpecial || LooksSpecial(text))
                tokens.Set(id, text, TokenType.Control, AddedScore);
            else
                tokens.Set(id, text.Replace('\u2581', ' '), TokenType.UserDefined, AddedScore);
        }
        AddScored(tokens);
    }

    private void AddScored(TokenList tokens)
    {
        _keys.Set(TokenizerKeys.Model, "llama");
        _keys.Set(TokenizerKeys.Pre, "default");
        AddTokens(tokens, withScores: true);
        new SpecialVocabulary(_files, _warnings, loadMerges: false, tokens.Count).AddTo(_keys);
    }

    private static void SetPieces(TokenList tokens, SentencePieceModel model)
    {
        for (int id = 0; id < Math.Min(tokens.Count, model.Pieces.Count); id++)
        {
            SentencePieceModel.Piece piece = model.Pieces[id];
            tokens.Set(id, piece.Text, piece.Type, piece.Score);
        }
    }

    private SentencePieceModel ReadSentencePiece(string name) => SentencePieceModel.Read(
        _folder.PathOf(name), _folder.ReadBytes(name) ?? throw new ModelFolderException(_folder.PathOf(name), "the file is missing: models of this class keep their vocabulary in it"));

    private IEnumerable<(string Text, int Id)> AddedTokensOfFile(int count)
    {
        const string Name = "added_tokens.json";
        if (_folder.ReadJson(Name) is not { ValueKind: JsonValueKind.Object } added)
            yield break;
        foreach (JsonProperty token in added.EnumerateObject())
        {
            if (IsInRange(Name, token.Name, token.Value.AsInteger(), count))
                yield return (token.Name, token.Value.GetInt32());
        }
    }

    private IEnumerable<(int Id, string Text, bool IsSpecial)> AddedTokensOfConfig(int count)
    {
        if (_files.TokenizerConfig?.Property("added_tokens_decoder") is not { ValueKind: JsonValueKind.Object } decoder)
            yield break;
        foreach (JsonProperty token in decoder.EnumerateObject())
        {
            int? id = int.TryParse(token.Name, out int number) ? number : null;
            string text = token.Value.Text("content") ?? throw new ModelFolderException(_folder.PathOf(TokenizerFiles.TokenizerConfigName), $"the added token {token.Name} has no content");
            if (IsInRange(TokenizerFiles.TokenizerConfigName, text, id, count))
                yield return (id!.Value, text, token.Value.Flag("special") ?? false);
        }
    }

    private bool IsInRange(string file, string text, int? id, int count)
    {
        if (id is null or < 0)
            throw new ModelFolderException(_folder.PathOf(file), $"the id of the added token '{text}' is not a number");
        if (id >= count)
            _warnings.Add($"{file} has the token '{text}' with the id {id}, but there are only {count} tokens, so it is left out.");
        return id < count;
    }

    // LlamaModel.set_vocab
    private void AddLlama()
    {
        if (_folder.Contains("tekken.json") && _files.Tokenizer is null)
            throw new ModelFolderException(_folder.PathOf("tekken.json"), $"this is Mistral's own tokenizer format, which is not supported: add {TokenizerFiles.TokenizerName} from the model in the Hugging Face format");
        if (_files.TokenizerConfig?.Flag("add_prefix_space") is { } addsSpace)
            _keys.Set(TokenizerKeys.AddSpacePrefix, addsSpace);
        AddSentencePieceOr(() =>
        {
            if (IsLlamaHf())
                AddLlamaHf();
            else
                AddGpt2();
        });
        int? size = Size();
        if (size == CodeLlamaSize)
        {
            // Of the infill tokens, only the end of the middle still has a key.
            SpecialVocabulary infill = new(_files, _warnings, loadMerges: false, types: ["prefix", "suffix", "middle", "eot"]);
            infill.SetDefault("eot", 32010);
            infill.AddTo(_keys);
        }
        if (size == GraniteSize)
            _keys.Set(TokenizerKeys.AddBos, false);
    }

    // CodeGemma's infill tokens, and Gemma's end of turn, the only one with a key.
    private void AddEndOfTurnOfGemma()
    {
        SpecialVocabulary infill = new(_files, _warnings, loadMerges: false, types: ["prefix", "suffix", "middle", "fsep", "eot"]);
        infill.SetDefault("eot", 107);
        infill.AddTo(_keys, withChatTemplates: false);
    }

    // Whether tokenizer.json holds SentencePiece's kind of BPE; LlamaHfVocab.
    private bool IsLlamaHf() =>
        _files.Tokenizer is { } tokenizer && tokenizer.Property("model") is { } model && TokenModel.TypeOf(model) == "BPE"
        && (model.Flag("byte_fallback") ?? false) && tokenizer.Property("decoder")?.Text("type") == "Sequence";

    // _set_vocab_llama_hf
    private void AddLlamaHf() => AddScored(ReadLlamaHf());

    private TokenList ReadLlamaHf()
    {
        if (!IsLlamaHf())
            throw new ModelFolderException(_files.TokenizerPath, $"the tokenizer is not SentencePiece BPE, and there is no {SentencePieceName}");
        HashSet<int> specialIds = [.. Tokenizer.SpecialTokens.Select(token => Tokenizer.TryGetId(token, out int id) ? id : -1)];
        int baseCount = Tokenizer.Model.Count;
        KeyValuePair<int, AddedToken>[] added = [.. Tokenizer.Added.Tokens.Where(pair => pair.Key >= baseCount)];
        TokenList tokens = new(Checked((long)baseCount + added.Length));
        bool[] isSet = new bool[tokens.Count];
        void Set(int id, string text, TokenType type)
        {
            tokens.Set(id, text, type, AddedScore);
            isSet[id] = true;
        }

        foreach ((string text, int id) in Tokenizer.Model.Ids.Where(pair => pair.Value < baseCount))
            Set(id, text, ByteToken().IsMatch(text) ? TokenType.Byte : specialIds.Contains(id) ? TokenType.Control : TokenType.Normal);
        for (int i = 0; i < added.Length; i++)
            Set(baseCount + i, added[i].Value.Content, specialIds.Contains(added[i].Key) ? TokenType.Control : TokenType.UserDefined);
        int hole = Array.IndexOf(isSet, false);
        return hole < 0 ? tokens : throw new ModelFolderException(_files.TokenizerPath, $"no token has the id {hole}, although there are {baseCount} tokens");
    }

    private void AddGemma4()
    {
        TokenList tokens = ReadLlamaHf();
        for (int id = 0; id < tokens.Count; id++)
        {
            if (s_visibleTokensOfGemma4.Contains(tokens.TextOf(id)))
                tokens.Set(id, tokens.TextOf(id), TokenType.UserDefined, AddedScore);
        }
        _keys.Set(TokenizerKeys.Model, "gemma4");
        AddTokens(tokens, withScores: true);
        new SpecialVocabulary(_files, _warnings, loadMerges: true).AddTo(_keys);
        _keys.Set(TokenizerKeys.AddSpacePrefix, false);
        _keys.Set(TokenizerKeys.AddBos, true);
    }

    // Phi3MiniModel.set_vocab: of three files with added tokens, later ones win, and texts are written unchanged.
    private void AddPhi3()
    {
        if (_files.TokenizerConfig?.Text("tokenizer_class") == "GPT2Tokenizer")
        {
            AddGpt2();
            return;
        }
        SentencePieceModel model = ReadSentencePiece(SentencePieceName);
        TokenList tokens = new(Size() ?? model.Pieces.Count);
        if (model.Pieces.Count > tokens.Count)
            throw new ModelFolderException(_folder.PathOf(SentencePieceName), $"the model has {model.Pieces.Count} tokens, but vocab_size in config.json is {tokens.Count}");
        SetPieces(tokens, model);
        foreach ((string text, int id) in AddedTokensOfFile(tokens.Count))
            tokens.Set(id, text, TokenType.UserDefined, AddedScore);
        foreach ((int id, string text, bool isSpecial) in AddedTokensOfConfig(tokens.Count))
            tokens.Set(id, text, isSpecial ? TokenType.Control : TokenType.UserDefined, AddedScore);
        foreach (JsonElement token in _files.Tokenizer?.Items("added_tokens") ?? [])
        {
            if (token.Text("content") is { } text && IsInRange(TokenizerFiles.TokenizerName, text, token.Integer("id"), tokens.Count))
                tokens.Set(token.Integer("id")!.Value, text, token.Flag("special") ?? false ? TokenType.Control : TokenType.UserDefined, AddedScore);
        }
        AddScored(tokens);
    }

    // HunYuanModel.set_vocab
    private void AddHunyuan()
    {
        TokenList tokens = ReadBase(Size(), out string pre);
        _keys.Set(TokenizerKeys.Model, "gpt2");
        _keys.Set(TokenizerKeys.Pre, pre);
        AddTokens(tokens, withScores: false);
        // Some give -1 as the padding token.
        string[]? types = Config.FindInt64("pad_token_id") < 0 ? ["bos", "eos", "unk", "sep", "cls", "mask"] : null;
        new SpecialVocabulary(_files, _warnings, loadMerges: true, types: types).AddTo(_keys);
        if (Config.FindInt64("eod_token_id") is { } end)
            _keys.Set(TokenizerKeys.EosId, (uint)Checked(end));
        if (_folder.ReadJson("generation_config.json")?.Property("eos_token_id") is { ValueKind: JsonValueKind.Array } ends && ends.GetArrayLength() >= 2 && ends[0].AsInteger() is { } turn)
            _keys.Set(TokenizerKeys.EotId, (uint)Checked(turn));
    }

    private void AddMamba(int size, bool prefersSentencePiece)
    {
        if (HasSentencePiece && (prefersSentencePiece || _files.Tokenizer is null))
            AddSentencePiece(size);
        else if (_files.Tokenizer is not null)
            AddGpt2(size);
        else
            throw new ModelFolderException(_folder.Path, $"the model has neither {SentencePieceName} nor {TokenizerFiles.TokenizerName}: add those of GPT-NeoX, which Mamba uses");
    }

    // BertModel.set_vocab
    private void AddBert()
    {
        TokenList tokens = ReadBase(Size(), out string pre);
        AddTokenTypeCount();
        for (int id = 0; id < tokens.Count; id++)
        {
            if (tokens.TypeOf(id) != TokenType.Control)
                tokens.Set(id, WithPhantomSpace(tokens.TextOf(id)), tokens.TypeOf(id));
        }
        _keys.Set(TokenizerKeys.Model, "bert");
        _keys.Set(TokenizerKeys.Pre, pre);
        AddTokens(tokens, withScores: false);
        new SpecialVocabulary(_files, _warnings, loadMerges: false, tokens.Count).AddTo(_keys);
    }

    private static string WithPhantomSpace(string text) => text.StartsWith("##", StringComparison.Ordinal) ? text[2..] : $"\u2581{text}";

    private void AddTokenTypeCount() => _keys.Set(TokenizerKeys.TokenTypeCount, (uint)Checked(Config.FindInt64("type_vocab_size") ?? 1));

    private void AddRoberta()
    {
        if (_files.Tokenizer is null)
        {
            AddBert();
            return;
        }
        AddGpt2();
        AddTokenTypeCount();
    }

    private void AddNomicBert()
    {
        if (_files.Tokenizer?.Property("model") is { } model && TokenModel.TypeOf(model) == "Unigram")
            AddXlmRoberta(maskId: 250001);
        else
            AddBert();
    }

    private void AddJinaBert()
    {
        string? name = _files.TokenizerConfig?.Text("tokenizer_class");
        switch (name)
        {
            case "BertTokenizer":
                AddBert();
                return;
            case "RobertaTokenizer" when _files.Tokenizer?.Property("pre_tokenizer")?.Text("type") == "Whitespace":
                AddWhitespace();
                break;
            case "RobertaTokenizer":
                AddGpt2();
                break;
            default:
                throw new ModelFolderException(_folder.PathOf(TokenizerFiles.TokenizerConfigName), $"'tokenizer_class' is '{name}', which models of this class do not have");
        }
        _keys.Set(TokenizerKeys.TokenTypeCount, 2u);
    }

    // _set_vocab_whitespace: the name is fixed, because the hash is another tokenizer's.
    private void AddWhitespace()
    {
        TokenList tokens = ReadBase(Size(), out _);
        _keys.Set(TokenizerKeys.Model, "whitespace");
        _keys.Set(TokenizerKeys.Pre, "whitespace");
        AddTokens(tokens, withScores: false);
        new SpecialVocabulary(_files, _warnings, loadMerges: true).AddTo(_keys);
    }

    // _xlmroberta_set_vocab; the mask token, if given, is missing from the SentencePiece model.
    private void AddXlmRoberta(int? maskId)
    {
        const string Name = "sentencepiece.bpe.model";
        bool addsSpace;
        bool removesSpaces;
        byte[] charsmap;
        TokenList tokens;
        if (_folder.Contains(Name))
        {
            SentencePieceModel model = ReadSentencePiece(Name);
            if (model.ModelType != SentencePieceModel.Unigram)
                throw new ModelFolderException(_folder.PathOf(Name), "the SentencePiece model is not a Unigram model");
            (addsSpace, removesSpaces, charsmap) = (model.AddDummyPrefix, model.RemoveExtraWhitespaces, model.PrecompiledCharsmap);
            tokens = Realigned(model);
            if (maskId is { } mask && mask < tokens.Count)
                tokens.Set(mask, "<mask>", TokenType.Control);
        }
        else
        {
            addsSpace = _files.TokenizerConfig?.Flag("add_prefix_space") ?? false;
            removesSpaces = _files.TokenizerConfig?.Flag("clean_up_tokenization_spaces") ?? false;
            charsmap = Charsmap();
            tokens = ReadUnigram();
        }
        _keys.Set(TokenizerKeys.Model, "t5");
        _keys.Set(TokenizerKeys.Pre, "default");
        AddTokens(tokens, withScores: true);
        _keys.Set(TokenizerKeys.AddSpacePrefix, addsSpace);
        AddTokenTypeCount();
        _keys.Set(TokenizerKeys.RemoveExtraWhitespaces, removesSpaces);
        _keys.Set(TokenizerKeys.PrecompiledCharsmap, charsmap);
        new SpecialVocabulary(_files, _warnings, loadMerges: false, tokens.Count).AddTo(_keys);
    }

    // These models have fairseq's ids, whose first tokens differ from SentencePiece's.
    private TokenList Realigned(SentencePieceModel model)
    {
        int size = Math.Max(Size() ?? 0, model.Pieces.Count);
        if (size < 4)
            throw new ModelFolderException(_folder.PathOf("sentencepiece.bpe.model"), $"the SentencePiece model has only {size} tokens");
        TokenList tokens = new(size);
        tokens.Set(0, "<s>", TokenType.Control);
        tokens.Set(1, "<pad>", TokenType.Control);
        tokens.Set(2, "</s>", TokenType.Control);
        tokens.Set(3, "<unk>", TokenType.Unknown);
        TokenList source = new(size);
        SetPieces(source, model);
        for (int id = 3; id < size - 1; id++)
            tokens.Set(id + 1, source.TextOf(id), source.TypeOf(id), source.ScoreOf(id));
        return tokens;
    }

    private TokenList ReadUnigram()
    {
        if (_files.Tokenizer is null || Tokenizer.Model is not UnigramModel model)
            throw new ModelFolderException(_files.TokenizerPath, "models of this class have a Unigram tokenizer, but this one is not");
        TokenList tokens = new(Math.Max(Size() ?? 0, model.Count));
        int unknownId = _files.TokenizerConfig?.Text("unk_token") is { } unknown && Tokenizer.Added.TryGetId(unknown, out int added) ? added : model.UnknownId ?? 3;
        HashSet<int> specialIds = [.. Tokenizer.SpecialTokens.Select(token => Tokenizer.TryGetId(token, out int id) ? id : -1)];
        for (int id = 0; id < model.Count; id++)
        {
            AddedToken? token = Tokenizer.Added.Tokens.GetValueOrDefault(id);
            TokenType type = id == unknownId ? TokenType.Unknown
                : specialIds.Contains(id) ? TokenType.Control
                : token is not null ? TokenType.UserDefined : TokenType.Normal;
            tokens.Set(id, token?.Content ?? model.Pieces[id].Text, type, model.Pieces[id].Score);
        }
        return tokens;
    }

    private byte[] Charsmap()
    {
        JsonElement? normalizer = _files.Tokenizer?.Property("normalizer");
        JsonElement[] steps = [.. normalizer?.Items("normalizers") ?? []];
        string? text = normalizer?.Text("precompiled_charsmap") ?? steps.Select(step => step.Text("precompiled_charsmap")).FirstOrDefault(map => map is not null);
        try
        {
            return Convert.FromBase64String(text ?? "");
        }
        catch (FormatException exception)
        {
            throw new ModelFolderException(_files.TokenizerPath, "the normalizer's precompiled_charsmap is not Base64", exception);
        }
    }

    private void AddTokens(TokenList tokens, bool withScores)
    {
        tokens.AddTo(_keys, withScores);
        _tokens = tokens;
    }

    private int? Size() => Config.FindInt64("vocab_size") is { } size ? Checked(size) : null;

    private int Checked(long size) => size is >= 0 and <= TokenList.MaxCount
        ? (int)size
        : throw new ModelFolderException(Config.Path, $"{size} is not a valid vocabulary size: vocab_size and type_vocab_size must be from 0 to {TokenList.MaxCount}");

    private int PaddedSize(long multiple)
    {
        int size = Size() ?? throw new ModelFolderException(Config.Path, "vocab_size is missing");
        if (multiple is < 1 or > TokenList.MaxCount)
            throw new ModelFolderException(Config.Path, $"pad_vocab_size_multiple is {multiple}");
        return Checked((size + multiple - 1) / multiple * multiple);
    }

    private bool HasMambaLayers()
    {
        int blocks = (int)Math.Clamp(Config.FindInt64("num_hidden_layers", "num_layers") ?? 0, 0, int.MaxValue);
        if (Config.Find("layer_types") is { ValueKind: JsonValueKind.Array } types)
            return types.EnumerateArray().Take(blocks).Any(type => type.AsText() != "attention");
        return Config.Find("attn_layer_indices")?.AsItems().Count() < blocks;
    }

    // does_token_look_special: control tokens that some models fail to mark.
    private static bool LooksSpecial(string token) =>
        token is "<pad>" or "<mask>" or "<2mass>" or "[@BOS@]"
        || (token.StartsWith("<|", StringComparison.Ordinal) && token.EndsWith("|>", StringComparison.Ordinal))
        || (token.StartsWith("<｜", StringComparison.Ordinal) && token.EndsWith("｜>", StringComparison.Ordinal))
        || (token.StartsWith("<unused", StringComparison.Ordinal) && token.EndsWith('>'));

    private string Describe()
    {
        string pre = _keys[TokenizerKeys.Pre] is string name ? $", pre-tokenizer {name}" : "";
        return $"{_keys[TokenizerKeys.Model]}{pre}: {_tokens!.Count} tokens ({_tokens.Describe()})";
    }

    [GeneratedRegex("^<0x[0-9A-Fa-f]{2}>$")]
    private static partial Regex ByteToken();
}
