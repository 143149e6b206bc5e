using System.Text.Json;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.HuggingFace.Tensors;

namespace GgufQuant.HuggingFace.Architectures;

/// <summary>What the recipes of an architecture know of the model that is converted.</summary>
internal sealed class ConversionContext
{
    /// <summary>Far more layers than any model has.</summary>
    internal const int MaxLayers = 1 << 16;

    private const int MaxHeadLength = 1 << 20;

    private readonly Dictionary<string, Dictionary<string, TensorValues>> _collected = new(StringComparer.Ordinal);

    public ConversionContext(ModelFolder folder, Architecture architecture, ModelConfig config, int tokenCount)
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

    /// <summary>The configuration, with defaults filled in and what the architecture changes in it.</summary>
    public ModelConfig Config { get; }

    /// <summary>How positions are rotated.</summary>
    public RopeParameters Rope { get; }

    /// <summary>Blocks of the model proper.</summary>
    public int HiddenLayers { get; }

    /// <summary>Blocks that predict further tokens.</summary>
    public int ExtraBlocks { get; init; }

    /// <summary>Blocks in all.</summary>
    public int BlockCount => HiddenLayers + ExtraBlocks;

    /// <summary>The type that <c>general.file_type</c> gets.</summary>
    public FileType FileType { get; init; }

    /// <summary>Warnings for the user about what is left out or might surprise.</summary>
    public List<string> Warnings { get; } = [];

    /// <summary>Keys that are known only when tensors have been prepared; they come first.</summary>
    public List<GgufEntry> TensorKeys { get; } = [];

    /// <summary>Tensors that a later one is compared with.</summary>
    public Dictionary<string, TensorValues> Seen { get; } = new(StringComparer.Ordinal);

    /// <summary>Tokens of the vocabulary, padding included.</summary>
    public int TokenCount { get; }

    /// <summary>Finds the number of a token by its text; null if there is none.</summary>
    public Func<string, int?> FindToken { get; init; } = _ => null;

    /// <summary>Attention heads.</summary>
    public int Heads => checked((int)Integer("n_heads", "num_attention_heads"));

    /// <summary>Attention heads for keys and values.</summary>
    public int KeyValueHeads => (int)(Config.FindInt64("n_kv_heads", "num_key_value_heads") ?? Heads);

    /// <summary>Values of a head: <c>head_dim</c>, else as many as divide the hidden size evenly.</summary>
    public long HeadLength => Config.FindInt64("head_dim") ?? (Integer("hidden_size") / Integer("num_attention_heads"));

    /// <summary>The length of a head for which there is a factor per pair of values.</summary>
    /// <exception cref="ModelFolderException">No head is that long.</exception>
    public int FactorLength(long length) => length is >= 0 and <= MaxHeadLength ? (int)length : throw Invalid($"{length} is not a valid head length");

    /// <summary>Experts of a layer.</summary>
    public int Experts => checked((int)Integer("num_local_experts", "num_experts", "n_routed_experts", "moe_num_experts"));

    /// <summary>A whole number of the configuration.</summary>
    /// <exception cref="ModelFolderException">It is missing, or not a whole number.</exception>
    public long Integer(params ReadOnlySpan<string> keys) =>
        Config.Find(keys) is { } value ? ToInt64(value, keys[0]) : throw Missing(keys);

    /// <summary>A number of the configuration.</summary>
    /// <exception cref="ModelFolderException">It is missing, or not a number.</exception>
    public double Number(params ReadOnlySpan<string> keys) =>
        Config.Find(keys) is { } value ? ToDouble(value, keys[0]) : throw Missing(keys);

    /// <summary>A list of the configuration.</summary>
    /// <exception cref="ModelFolderException">It is missing, or not a list.</exception>
    public JsonElement[] List(string key) =>
        Config.Find(key) is { } value
            ? value.ValueKind == JsonValueKind.Array ? [.. value.EnumerateArray()] : throw Invalid($"'{key}' is not a list")
            : throw Missing(key);

    /// <summary>Whether each layer has a type of that name.</summary>
    public bool[] LayersOfType(string type, string key = "layer_types") =>
        [.. List(key).Select(value => value.ValueKind == JsonValueKind.String && value.ValueEquals(type))];

    /// <summary>A whole number from JSON.</summary>
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

    /// <summary>Keeps tensors until a set of them is complete.</summary>
    /// <param name="set">The set.</param>
    /// <param name="tensor">One of its tensors.</param>
    /// <param name="count">How many it has.</param>
    /// <returns>The tensors by name, once, when the last has come; else null.</returns>
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
