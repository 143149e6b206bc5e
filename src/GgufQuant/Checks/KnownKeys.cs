using System.Collections.Frozen;
using GgufQuant.Gguf;

namespace GgufQuant.Checks;

/// <summary>The metadata keys that llama.cpp reads, with the types that it accepts.</summary>
public static class KnownKeys
{
    // Keys of every architecture, without the prefix; those of single architectures are in LoaderRules.txt.
    private static readonly FrozenDictionary<string, KnownKey> s_ofArchitectures = Table(
        (GgufValueType.UInt32, false, "context_length embedding_length embedding_length_out pooling_type block_count nextn_predict_layers expert_count expert_group_count expert_group_used_count vocab_size rope.scaling.original_context_length attention.key_length attention.value_length rope.dimension_count attention.key_length_swa attention.value_length_swa rope.dimension_count_swa"),
        (GgufValueType.UInt32, true, "expert_used_count feed_forward_length attention.head_count attention.head_count_kv"),
        (GgufValueType.Float32, false, "rope.freq_base rope.scaling.factor rope.scale_linear rope.scaling.attn_factor rope.scaling.alpha attention.layer_norm_epsilon attention.layer_norm_rms_epsilon"),
        (GgufValueType.Boolean, false, "attention.causal rope.scaling.finetuned"),
        (GgufValueType.String, false, "rope.scaling.type"));

    private static readonly FrozenDictionary<string, KnownKey> s_whole = Table(
        (GgufValueType.String, false, "general.architecture general.type general.name general.author general.version general.url general.description general.license general.source.url general.source.huggingface.repository tokenizer.ggml.model tokenizer.ggml.pre tokenizer.chat_template tokenizer.huggingface.json tokenizer.rwkv.world adapter.type adapter.lora.task_name adapter.lora.prompt_prefix"),
        (GgufValueType.UInt32, false, "general.alignment general.file_type general.quantization_version tokenizer.ggml.token_type_count imatrix.chunk_count imatrix.chunk_size"),
        (GgufValueType.Int32, false, "general.sampling.top_k general.sampling.penalty_last_n general.sampling.mirostat"),
        (GgufValueType.Float32, false, "general.sampling.top_p general.sampling.min_p general.sampling.xtc_probability general.sampling.xtc_threshold general.sampling.temp general.sampling.penalty_repeat general.sampling.mirostat_tau general.sampling.mirostat_eta adapter.lora.alpha"),
        (GgufValueType.String, false, "general.sampling.sequence"),
        (GgufValueType.Boolean, false, "tokenizer.ggml.add_bos_token tokenizer.ggml.add_eos_token tokenizer.ggml.add_sep_token tokenizer.ggml.add_space_prefix tokenizer.ggml.remove_extra_whitespaces tokenizer.ggml.normalizer.lowercase tokenizer.ggml.normalizer.strip_accents"));

    private static readonly FrozenDictionary<string, GgufValueType> s_arrays = new Dictionary<string, GgufValueType>
    {
        [GgufKeys.Tokens] = GgufValueType.String,
        ["tokenizer.ggml.merges"] = GgufValueType.String,
        [GgufKeys.TokenScores] = GgufValueType.Float32,
        [GgufKeys.TokenTypes] = GgufValueType.Int32,
        ["tokenizer.ggml.suppress_tokens"] = GgufValueType.Int32,
        ["adapter.alora.invocation_tokens"] = GgufValueType.UInt32,
        ["imatrix.datasets"] = GgufValueType.String,
        ["general.tags"] = GgufValueType.String,
        ["general.languages"] = GgufValueType.String,
    }.ToFrozenDictionary(StringComparer.Ordinal);

    /// <summary>The keys of single tokens, without <c>tokenizer.ggml.</c>; llama.cpp spells the fifth like this.</summary>
    internal static IReadOnlyList<string> SpecialTokens { get; } =
    [
        "bos_token_id", "eos_token_id", "eot_token_id", "eom_token_id", "seperator_token_id", "unknown_token_id", "padding_token_id", "cls_token_id", "mask_token_id",
        "fim_pre_token_id", "fim_suf_token_id", "fim_mid_token_id", "fim_pad_token_id", "fim_rep_token_id", "fim_sep_token_id",
        "prefix_token_id", "suffix_token_id", "middle_token_id",
    ];

    /// <summary>The values that llama.cpp accepts for a key; null if it does not read the key, or accepts any type.</summary>
    /// <param name="key">The full key.</param>
    /// <param name="architecture">The model's architecture; null if the file names none.</param>
    public static KnownKey? Find(string key, string? architecture)
    {
        ArgumentNullException.ThrowIfNull(key);
        if (s_whole.TryGetValue(key, out KnownKey? known))
            return known;
        if (s_arrays.TryGetValue(key, out GgufValueType elements))
            return new(elements, TakesValue: false, TakesArray: true);
        const string Tokenizer = "tokenizer.ggml.";
        if (key.StartsWith(Tokenizer, StringComparison.Ordinal) && SpecialTokens.Contains(key[Tokenizer.Length..]))
            return new(GgufValueType.UInt32, TakesValue: true, TakesArray: false);
        if (architecture is null)
            return null;
        // Keys without the architecture's prefix, which rules mark with a slash.
        string name = key.StartsWith(architecture + ".", StringComparison.Ordinal) ? key[(architecture.Length + 1)..] : "/" + key;
        if (s_ofArchitectures.TryGetValue(name, out known))
            return known;
        KeyRule[] rules = [.. LoaderRules.Of(architecture)?.AllKeys().Where(rule => rule.Key == name && rule.Type is not null) ?? []];
        return rules.Length == 0
            ? null
            : new(rules[0].Type!.Value, rules.Any(rule => rule.Form is KeyForm.Value or KeyForm.ValueOrArray), rules.Any(rule => rule.Form is KeyForm.Array or KeyForm.List or KeyForm.ValueOrArray));
    }

    private static FrozenDictionary<string, KnownKey> Table(params ReadOnlySpan<(GgufValueType Type, bool TakesArray, string Keys)> rows)
    {
        Dictionary<string, KnownKey> table = new(StringComparer.Ordinal);
        foreach ((GgufValueType type, bool takesArray, string keys) in rows)
        {
            foreach (string key in keys.Split(' '))
                table.Add(key, new(type, TakesValue: true, takesArray));
        }
        return table.ToFrozenDictionary(StringComparer.Ordinal);
    }
}

/// <summary>The values that llama.cpp accepts for a key.</summary>
/// <param name="Type">The type of the value, or of an array's elements.</param>
/// <param name="TakesValue">Whether it accepts a single value.</param>
/// <param name="TakesArray">Whether it accepts an array.</param>
public sealed record KnownKey(GgufValueType Type, bool TakesValue, bool TakesArray)
{
    /// <summary>Whether llama.cpp accepts an entry of this key.</summary>
    public bool Takes(GgufEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        return entry.Type != GgufValueType.Array
            ? TakesValue && entry.Type == Type
            : TakesArray && (entry.ElementType == Type || (IsInteger(Type) && (IsInteger(entry.ElementType!.Value) || entry.ElementType == GgufValueType.Boolean)));
    }

    private static bool IsInteger(GgufValueType type) => type is GgufValueType.UInt32 or GgufValueType.Int32;
}
