using System.Buffers.Binary;
using System.Collections.Frozen;
using System.Text;
using GgufQuant.Gguf;

namespace GgufQuant.Checks;

/// <summary>Loads a vocabulary like llama.cpp v0.5.0, and reports where that fails.</summary>
/// <remarks>llama.cpp's <c>llama_vocab::impl::load</c>.</remarks>
internal sealed class VocabularyCheck
{
    private const string Prefix = "tokenizer.ggml.";
    private const int ByteToken = 6;

    // llama.cpp's pre-tokenizers, which only BPE vocabularies have.
    private static readonly FrozenSet<string> s_preTokenizers =
        """
        a.x-4.0 afmoe bailingmoe bailingmoe2 bloom chameleon chatglm-bpe codeshell cohere2moe command-r dbrx deepseek-coder deepseek-llm
        deepseek-r1-qwen deepseek-v3 default exaone exaone-moe exaone4 f2llmv2 falcon falcon-h1 falcon3 gemma4 gigachat glm4 gpt-2 gpt-4o
        gpt3-finnish granite-docling granite-embed-multi-311m granite-embed-multi-97m grok-2 hunyuan hunyuan-dense hy_v4 jais jais-2 jina-de
        jina-es jina-v1-en jina-v2-code jina-v2-de jina-v2-es jina-v5-nano joyai-llm kanana2 kimi-k2 kormo laguna lfm2 llada-moe llama-bpe
        llama-v3 llama3 llama4 megrez mellum mellum2 midm-2.0 minerva-7b minicpm5 minimax-m2 modern-bert mpt olmo phi-2 pixtral poro-chat qwen2
        qwen35 refact roberta-bpe sarvam-moe seed-coder smaug-bpe smollm solar-open spark2_5 stablelm2 starcoder superbpe talkie tekken tiny_aya
        trillion ufakzeka viking whitespace youtu
        """.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries).ToFrozenSet(StringComparer.Ordinal);

    // The tokens that llama.cpp looks up, without checking, in models with such names.
    private static readonly (string Model, string[] Tokens) s_phi3 = ("phi-3", ["</s>", "<unk>", "<s>", "<|endoftext|>"]);

    private static readonly (string Key, GgufValueType Type)[] s_values =
    [
        .. KnownKeys.SpecialTokens.Select(key => (key, GgufValueType.UInt32)),
        ("add_bos_token", GgufValueType.Boolean), ("add_eos_token", GgufValueType.Boolean), ("add_sep_token", GgufValueType.Boolean),
        ("normalizer.lowercase", GgufValueType.Boolean), ("normalizer.strip_accents", GgufValueType.Boolean),
    ];

    private readonly GgufMetadata _metadata;
    private readonly List<GgufFinding> _findings;

    private VocabularyCheck(GgufMetadata metadata, List<GgufFinding> findings)
    {
        _metadata = metadata;
        _findings = findings;
    }

    /// <summary>Checks a vocabulary.</summary>
    /// <param name="metadata">The file's metadata.</param>
    /// <param name="architecture">The model's architecture.</param>
    /// <param name="findings">Receives the findings.</param>
    /// <returns>The number of tokens.</returns>
    public static long Run(GgufMetadata metadata, string architecture, List<GgufFinding> findings) =>
        new VocabularyCheck(metadata, findings).Check(architecture);

    private long Check(string architecture)
    {
        const string Model = Prefix + "model";
        if (!Typed(Model, GgufValueType.String, isOptional: false) || !_metadata.TryGetString(Model, out string? model))
            return 0;
        _ = Typed(Prefix + "pre", GgufValueType.String);
        _ = Typed(Prefix + "token_type_count", GgufValueType.UInt32);
        if (model is "no_vocab" or "none")
        {
            string size = $"{architecture}.vocab_size";
            return Typed(size, GgufValueType.UInt32) && _metadata.TryGetUInt64(size, out ulong count) ? (long)count : 0;
        }
        CheckModel(model);
        _ = Typed(Prefix + "add_space_prefix", GgufValueType.Boolean);
        _ = Typed(Prefix + "remove_extra_whitespaces", GgufValueType.Boolean);
        if (!Array(GgufKeys.Tokens, isOptional: false, GgufValueType.String))
            return 0;
        GgufEntry tokens = _metadata.Find(GgufKeys.Tokens)!;
        CheckPerToken(GgufKeys.TokenScores, tokens.Count, GgufValueType.Float32, GgufValueType.Int32);
        CheckPerToken(GgufKeys.TokenTypes, tokens.Count, GgufValueType.Int32);
        CheckTokens(tokens, model);
        foreach ((string key, GgufValueType type) in s_values)
            _ = Typed(Prefix + key, type);
        _ = Array(Prefix + "suppress_tokens", isOptional: true, GgufValueType.Int32);
        CheckRange(tokens.Count);
        return tokens.Count;
    }

    private void CheckModel(string model)
    {
        _ = _metadata.TryGetString(Prefix + "pre", out string? pre);
        switch (model)
        {
            case "llama" or "bert" or "rwkv" or "plamo2" or "test":
                break;
            case "t5":
                CheckCharacterMap();
                break;
            case "gpt2" or "hybriddna" or "whitespace" or "gemma4":
                _ = Array(Prefix + "merges", isOptional: pre == "kimi-k2" && model != "gemma4", GgufValueType.String);
                if (model != "gemma4" && !string.IsNullOrEmpty(pre) && !s_preTokenizers.Contains(pre))
                    Error(Prefix + "pre", $"llama.cpp knows no pre-tokenizer '{pre}'.");
                break;
            default:
                Error(Prefix + "model", $"llama.cpp knows no tokenizer '{model}'.");
                break;
        }
    }

    // A length, a trie of as many bytes, and strings.
    private void CheckCharacterMap()
    {
        const string Key = Prefix + "precompiled_charsmap";
        if (!Array(Key, isOptional: true, GgufValueType.Int8, GgufValueType.UInt8) || _metadata.Find(Key) is not { } entry)
            return;
        ReadOnlySpan<byte> map = entry.GetEncodedValue().Span[GgufValue.ArrayHeaderBytes..];
        if (map.Length < sizeof(uint) || BinaryPrimitives.ReadUInt32LittleEndian(map) + (ulong)sizeof(uint) >= (ulong)map.Length)
            Error(Key, $"It is {map.Length} bytes long, fewer than its own header says.");
    }

    // llama.cpp ignores elements beyond the number of tokens.
    private void CheckPerToken(string key, long tokens, params ReadOnlySpan<GgufValueType> types)
    {
        if (!Array(key, isOptional: true, types) || _metadata.Find(key) is not { } list || list.Count == tokens)
            return;
        FindingSeverity severity = list.Count < tokens ? FindingSeverity.Error : FindingSeverity.Warning;
        _findings.Add(new(severity, key, $"It has {list.Count} elements for a vocabulary of {tokens} tokens."));
    }

    private void CheckTokens(GgufEntry tokens, string model)
    {
        int[]? types = _metadata.Find(GgufKeys.TokenTypes) is { ElementType: GgufValueType.Int32 } list && list.Count >= tokens.Count ? (int[])list.Value : null;
        Dictionary<string, int> ids = new((int)tokens.Count, StringComparer.Ordinal);
        int id = 0;
        int twice = 0;
        foreach (string token in ReadTokens(tokens))
        {
            if (!ids.TryAdd(token, id) && twice++ == 0)
                EndProgram(GgufKeys.Tokens, $"Tokens {ids[token]} and {id} are both '{Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(token))}', and llama.cpp ends the program if a token is listed twice.");
            if (types?[id] == ByteToken && (model == "bert" || token.Length < 3) && model is not ("rwkv" or "plamo2" or "test"))
            {
                EndProgram(GgufKeys.TokenTypes, $"Token {id}, '{token}', is of type {ByteToken}, a byte, but its text is not a byte such as '<0x0A>'.");
                return;
            }
            id++;
        }
        // PLaMo 2's loader takes token 0 for a missing one.
        if (model == "plamo2" && Enumerable.Range(0, 256).Any(value => !ids.TryGetValue($"<0x{value:X2}>", out int byteToken) || byteToken == 0 || types?[byteToken] != ByteToken))
            EndProgram(GgufKeys.Tokens, "It lacks tokens of type 6 for single bytes, such as '<0x0A>'.");
        _ = _metadata.TryGetString(GgufKeys.Name, out string? name);
        _ = _metadata.TryGetString(Prefix + "pre", out string? pre);
        if (name is not null && (name.Contains("phi-3", StringComparison.OrdinalIgnoreCase) || name.Contains("phi3", StringComparison.OrdinalIgnoreCase))
            && pre is not ("jina-v2-de" or "jina-v2-es" or "jina-v2-code")
            && s_phi3.Tokens.FirstOrDefault(token => !ids.ContainsKey(token)) is { } absent)
        {
            EndProgram(GgufKeys.Tokens, $"llama.cpp expects a token '{absent}' in every model whose name contains '{s_phi3.Model}', and this one has none.");
        }
    }

    // As bytes, one per char: tokens need not be valid UTF-8, and invalid ones must stay distinct.
    private static IEnumerable<string> ReadTokens(GgufEntry tokens)
    {
        ReadOnlyMemory<byte> rest = tokens.GetEncodedValue()[GgufValue.ArrayHeaderBytes..];
        for (long i = 0; i < tokens.Count; i++)
        {
            int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(rest.Span);
            string text = length == 0 ? $"[EMPTY_{i}]" : Encoding.Latin1.GetString(rest.Span.Slice(sizeof(ulong), length));
            yield return text;
            rest = rest[(sizeof(ulong) + length)..];
        }
    }

    // llama.cpp uses its default.
    private void CheckRange(long tokens)
    {
        foreach (string key in KnownKeys.SpecialTokens)
        {
            if (_metadata.Find(Prefix + key) is { Type: GgufValueType.UInt32, Value: uint id } && id >= tokens)
                _findings.Add(new(FindingSeverity.Warning, Prefix + key, $"Token {id} is not one of the {tokens}, so llama.cpp uses its default."));
        }
    }

    private bool Typed(string key, GgufValueType type, bool isOptional = true)
    {
        if (_metadata.Find(key) is not { } entry)
        {
            if (!isOptional)
                Error(key, "The key is missing, and llama.cpp does not load a model without a tokenizer.");
            return false;
        }
        if (entry.Type == type)
            return true;
        Error(key, $"It is of type {(entry.Type == GgufValueType.Array ? $"array of {entry.ElementType}" : entry.Type)}, but llama.cpp takes only {type}.");
        return false;
    }

    private bool Array(string key, bool isOptional, params ReadOnlySpan<GgufValueType> types)
    {
        if (_metadata.Find(key) is not { } entry)
        {
            if (!isOptional)
                Error(key, "The key is missing, and llama.cpp does not load such a vocabulary without it.");
            return false;
        }
        if (entry is { Type: GgufValueType.Array, ElementType: { } element } && types.Contains(element))
            return true;
        _findings.Add(new(
            FindingSeverity.Error, key,
            $"It is {(entry.Type == GgufValueType.Array ? $"an array of {entry.ElementType}" : $"of type {entry.Type}, not an array")}; llama.cpp takes only an array of {string.Join(" or ", types.ToArray())}.")
        {
            EndsProgramIn = EngineCheck.IsReadUnchecked(entry, types[0]) ? LlamaBuilds.Engine : LlamaBuilds.None,
        });
        return false;
    }

    private void Error(string key, string message) => _findings.Add(new(FindingSeverity.Error, key, message));

    private void EndProgram(string key, string message) => _findings.Add(new(FindingSeverity.Error, key, message) { EndsProgramIn = LlamaBuilds.Both });
}
