using System.Text.Json;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.HuggingFace.Tensors;

namespace GgufQuant.HuggingFace.Architectures;

/// <summary>The model being converted, as an architecture's recipes see it.</summary>
internal sealed class ConversionContext
{
    /// <summary>Far more layers than any model has.</summary>
    internal const int MaxLayers = 1 << 16;

    private const int MaxHeadLength = 1 << 20;

    private readonly Dictionary<string, Dictionary<string, TensorValues>> _collected = new(StringComparer.Ordinal);

    public ConversionContext(ModelFolder folder, Architecture architecture, ModelConfig config, int? tokenCount)
    {
        Folder = folder;
        Architecture = architecture;
        Config = config;
        Rope = new RopeParameters(config);
        TokenCount = tokenCount;
        long layers = Integer("n_layers", "num_hidden_layers", "n_layer", "num_layers");
        HiddenLayers = layers is >= 0 and <= MaxLayers ? (int)layers : throw Invalid($"{layers} is not a valid number of layers");
    }

    /// <summary>The folder.</summary>
    public ModelFolder Folder { get; }

    /// <summary>The architecture.</summary>
    public Architecture Architecture { get; }

    /// <summary>The configuration, with defaults filled in and the architecture's changes applied.</summary>
    public ModelConfig Config { get; }

    /// <summary>The rotary position parameters.</summary>
    public RopeParameters Rope { get; }

    /// <summary>The number of blocks without those that predict further tokens.</summary>
    public int HiddenLayers { get; }

    /// <summary>The number of blocks that predict further tokens (MTP).</summary>
    public int ExtraBlocks { get; init; }

    /// <summary>The number of all blocks.</summary>
    public int BlockCount => HiddenLayers + ExtraBlocks;

    /// <summary>The value of <c>general.file_type</c>.</summary>
    public FileType FileType { get; init; }

    /// <summary>Warnings for the user about what is left out or looks odd.</summary>
    public List<string> Warnings { get; } = [];

    /// <summary>Keys known only once tensors have been prepared; they are written first.</summary>
    public List<GgufEntry> TensorKeys { get; } = [];

    /// <summary>Tensors that later ones are compared with.</summary>
    public Dictionary<string, TensorValues> Seen { get; } = new(StringComparer.Ordinal);

    /// <summary>The number of tokens, padding included; null if the vocabulary could not be read.</summary>
    public int? TokenCount { get; }

    /// <summary>Finds a token's id by its text; null if there is no such token.</summary>
    public Func<string, int?> FindToken { get; init; } = _ => null;

    /// <summary>Attention heads.</summary>
    public int Heads => checked((int)Integer("n_heads", "num_attention_heads"));

    /// <summary>Attention heads for keys and values.</summary>
    public int KeyValueHeads => (int)(Config.FindInt64("n_kv_heads", "num_key_value_heads") ?? Heads);

    /// <summary>The length of a head: <c>head_dim</c>, otherwise the hidden size divided by the number of heads.</summary>
    public long HeadLength => Config.FindInt64("head_dim") ?? (Integer("hidden_size") / Integer("num_attention_heads"));

    /// <summary>The head length, checked before one factor per pair of values is allocated.</summary>
    /// <exception cref="ModelFolderException">The length is out of range.</exception>
    public int FactorLength(long length) => length is >= 0 and <= MaxHeadLength ? (int)length : throw Invalid($"{length} is not a valid head length");

    /// <summary>The number of experts per layer.</summary>
    public int Experts => checked((int)Integer("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts"));

    /// <summary>An integer from the configuration.</summary>
    /// <exception cref="ModelFolderException">It is missing, or not a whole number.</exception>
    public long Integer(params ReadOnlySpan<string> keys) =>
        Config.Find(keys) is { } value ? ToInt64(value, keys[0]) : throw Missing(keys);

    /// <summary>A number from the configuration.</summary>
    /// <exception cref="ModelFolderException">It is missing, or not a number.</exception>
    public double Number(params ReadOnlySpan<string> keys) =>
        Config.Find(keys) is { } value ? ToDouble(value, keys[0]) : throw Missing(keys);

    /// <summary>A list from the configuration.</summary>
    /// <exception cref="ModelFolderException">It is missing, or not a list.</exception>
    public JsonElement[] List(string key) =>
        Config.Find(key) is { } value
            ? value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : throw Invalid($"'{key}' is not a list")
            : throw Missing(key);

    /// <summary>For each layer, whether its type has that name.</summary>
    public bool[] LayersOfType(string type) =>
        [.. List("layer_types").Select(value => value.ValueKind == JsonValueKind.String && value.ValueEquals(type))];

    /// <summary>An integer from JSON.</summary>
    public long ToInt64(JsonElement value, string key)
    {
        if (value.ValueKind == JsonValueKind.Number)
        {
            if (value.TryGetInt64(out long number))
                return number;
            if (value.TryGetDouble(out double real) && Math.Abs(real) <= long.MaxValue / 2 && real == Math.Floor(real))
                return (long)real;
        }
        throw Invalid($"{Shown(value)} for '{key}' is not a whole number");
    }

    /// <summary>A number from JSON.</summary>
    public double ToDouble(JsonElement value, string key) =>
        value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out double number) ? number : throw Invalid($"{Shown(value)} for '{key}' is not a number");

    /// <summary>An error in the configuration.</summary>
    public ModelFolderException Invalid(string problem) => new(Config.Path, problem);

    /// <summary>Collects tensors until a set is complete.</summary>
    /// <param name="set">The set.</param>
    /// <param name="tensor">One of its tensors.</param>
    /// <param name="count">The size of the complete set.</param>
    /// <returns>The tensors by name when the last one arrives; otherwise null.</returns>
    public IReadOnlyDictionary<string, TensorValues>? Collect(string set, SourceTensor tensor, int count)
    {
        if (!_collected.TryGetValue(set, out Dictionary<string, TensorValues>? tensors))
            _collected.Add(set, tensors = new(StringComparer.Ordinal));
        tensors[tensor.Name] = tensor.Values;
        if (tensors.Count < count)
            return null;
        _collected.Remove(set);
        return tensors;
    }

    /// <summary>Checks that every set is complete.</summary>
    /// <exception cref="ModelFolderException">Tensors are missing.</exception>
    public void CheckCollected()
    {
        if (_collected.Count > 0)
        {
            (string set, Dictionary<string, TensorValues> tensors) = _collected.First();
            throw new ModelFolderException(Folder.Path, $"experts are missing: {set} has tensors of only {tensors.Count} of {Experts} experts, such as '{tensors.Keys.First()}'");
        }
    }

    private ModelFolderException Missing(params ReadOnlySpan<string> keys) => Invalid($"'{string.Join("' or '", keys)}' is missing");

    private static string Shown(JsonElement value)
    {
        string text = value.GetRawText();
        return text.Length <= 60 ? text : $"{text[..60]}…";
    }
}
