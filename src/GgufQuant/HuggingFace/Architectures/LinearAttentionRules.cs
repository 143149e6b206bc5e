using System.Globalization;
using GgufQuant.HuggingFace.Tensors;
using static GgufQuant.HuggingFace.Architectures.TensorRules;

namespace GgufQuant.HuggingFace.Architectures;

/// <summary>Recipes for Qwen's models with gated delta nets: Qwen3-Next and Qwen 3.5.</summary>
/// <remarks>convert_hf_to_gguf's <c>Qwen3NextModel</c>, <c>_LinearAttentionVReorderBase</c> and <c>_QwenMtpMixin</c>.</remarks>
internal static class LinearAttentionRules
{
    /// <summary>The recipes that both families share.</summary>
    public static TensorRule[] All { get; } =
    [
        NegativeExp,
        Rename("*.dt_bias", ".dt_bias", ".dt_proj.bias"),
        Values("*conv1d*", (_, values) => values.Squeeze()),
        AddOneToNorms(except: "*linear_attn.norm.weight"),
    ];

    /// <summary>Sorts rows grouped by key head into all queries, all keys and all values, and splits off the gates.</summary>
    public static TensorRule SplitHeads { get; } = (context, tensor) =>
    {
        if (!tensor.Name.Contains("in_proj_qkvz.weight", StringComparison.Ordinal))
            return [tensor];
        (long heads, long key, long value) = Heads(context);
        value *= ValueHeadsPerKey(context);
        long group = 2 * (key + value);
        long columns = tensor.Values.Shape[^1];
        return
        [
            new SourceTensor($"blk.{tensor.Block}.attn_qkv.weight", tensor.Values.Rows([heads * (key + key + value), columns], row =>
                row < heads * key ? (row / key * group) + (row % key)
                : row < 2 * heads * key ? ((row - (heads * key)) / key * group) + key + (row % key)
                : ((row - (2 * heads * key)) / value * group) + (2 * key) + ((row - (2 * heads * key)) % value))),
            new SourceTensor($"blk.{tensor.Block}.attn_gate.weight", tensor.Values.Rows([heads * value, columns], row =>
                (row / value * group) + (2 * key) + value + (row % value))),
        ];
    };

    /// <summary>Reorders value heads, which are grouped by key head, to match the order in which ggml repeats key heads.</summary>
    public static TensorRule ReorderValueHeads { get; } = (context, tensor) =>
    {
        string name = tensor.Name;
        if (!name.Contains("linear_attn.", StringComparison.Ordinal) || ValueHeadsPerKey(context) == 1)
            return [tensor];
        (long heads, long key, long value) = Heads(context);
        TensorValues values = tensor.Values;
        return
        [
            tensor with
            {
                Values = IsMatch(name, "*.in_proj_qkv.*") ? Reordered(context, values, 2 * heads * key, value)
                    : IsMatch(name, "*.in_proj_z.*") ? Reordered(context, values, 0, value)
                    : IsMatch(name, "*.in_proj_b.*", "*.in_proj_a.*") ? Reordered(context, values, 0, 1)
                    : IsMatch(name, "*.A_log*", "*.dt_bias*", "*.dt_proj*") ? Reordered(context, values, 0, 1)
                    : IsMatch(name, "*.conv1d*") ? Reordered(context, values.Squeeze(), 2 * heads * key, value)
                    : IsMatch(name, "*.out_proj.*") ? values.Columns([.. Enumerable.Range(0, checked((int)values.Shape[^1])).Select(column => (int)SourceOf(context, column, value))])
                    : values,
            },
        ];
    };

    /// <summary>Names the layers that predict further tokens as blocks after the last.</summary>
    public static string? RenameNextTokens(ModelConfig config, string name)
    {
        if (name.StartsWith("model.mtp.", StringComparison.Ordinal))
            name = name["model.".Length..];
        if (!name.StartsWith("mtp.", StringComparison.Ordinal))
            return name;
        long layers = config.FindInt64("num_hidden_layers") ?? 0;
        string[] parts = name.Split('.', 4);
        if (parts is ["mtp", "layers", string number, string rest] && int.TryParse(number, NumberStyles.None, CultureInfo.InvariantCulture, out int layer))
            return $"model.layers.{layers + layer}.{rest}";
        string? target = parts is ["mtp", string part, _] ? part switch
        {
            "fc" => "eh_proj",
            "pre_fc_norm_embedding" => "enorm",
            "pre_fc_norm_hidden" => "hnorm",
            "norm" => "shared_head.norm",
            _ => null,
        } : null;
        return target is null ? name : $"model.layers.{layers}.{target}.{parts[2]}";
    }

    /// <summary>The number of layers that predict further tokens, from the configuration or else from the tensors.</summary>
    public static int NextTokenBlocks(ModelConfig config, IEnumerable<string> names)
    {
        if (config.FindInt64("mtp_num_hidden_layers") is { } count)
            return checked((int)count);
        if (config.Architecture != "Qwen3NextForCausalLM")
            return 0;
        long layers = config.FindInt64("num_hidden_layers") ?? 0;
        return (int)names.Select(name => (new SourceTensor(name, null!).Block ?? -1) - layers + 1).Append(0).Max();
    }

    private static long ValueHeadsPerKey(ConversionContext context) => context.Integer("linear_num_value_heads") / context.Integer("linear_num_key_heads");

    private static (long Heads, long Key, long Value) Heads(ConversionContext context) =>
        (context.Integer("linear_num_key_heads"), context.Integer("linear_key_head_dim"), context.Integer("linear_value_head_dim"));

    private static TensorValues Reordered(ConversionContext context, TensorValues values, long first, long length)
    {
        TensorValues matrix = values.Shape.Length == 1 ? values.Reshape(values.Count, 1) : values;
        return matrix.Rows(matrix.Shape, row => row < first ? row : first + SourceOf(context, row - first, length)).Reshape(values.Shape);
    }

    private static long SourceOf(ConversionContext context, long index, long length)
    {
        (long head, long part) = Math.DivRem(index, length);
        (long repeat, long key) = Math.DivRem(head, context.Integer("linear_num_key_heads"));
        return (((key * ValueHeadsPerKey(context)) + repeat) * length) + part;
    }
}
