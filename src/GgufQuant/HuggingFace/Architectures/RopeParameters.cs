using System.Text.Json;

namespace GgufQuant.HuggingFace.Architectures;

/// <summary>RoPE's parameters, from <c>rope_parameters</c>, <c>rope_scaling</c> or the keys that older models use.</summary>
/// <remarks>convert_hf_to_gguf's <c>TextModel.__init__</c>.</remarks>
internal sealed class RopeParameters
{
    private readonly Dictionary<string, JsonElement> _values = new(StringComparer.Ordinal);
    private readonly JsonElement? _full;

    public RopeParameters(ModelConfig config)
    {
        if (config.Find(config.Contains("rope_parameters") ? "rope_parameters" : "rope_scaling") is { ValueKind: JsonValueKind.Object } given)
        {
            foreach (JsonProperty property in given.EnumerateObject())
                _values[property.Name] = property.Value;
        }
        SlidingTheta = FindIn(_values.TryGetValue("sliding_attention", out JsonElement sliding) ? sliding : null, "rope_theta");
        _full = _values.TryGetValue("full_attention", out JsonElement full) && full.ValueKind == JsonValueKind.Object ? full : null;
        if (_values.ContainsKey("full_attention") || _values.ContainsKey("sliding_attention"))
            return;
        SlidingTheta = config.Find("local_rope_theta", "rope_local_theta", "rope_theta_local", "swa_rope_theta", "rope_local_base_freq");
        AddMissing("rope_theta", config.Find("global_rope_theta", "rope_global_theta", "rope_theta_global", "rope_theta", "rotary_emb_base"));
        AddMissing("rope_type", Find("type"));
        AddMissing("partial_rotary_factor", config.Find("partial_rotary_factor", "rope_pct", "rope_percent"));
        AddMissing("original_max_position_embeddings", config.Find("original_max_position_embeddings"));
    }

    /// <summary>The base frequency of layers with sliding window attention; null if all layers share one.</summary>
    public JsonElement? SlidingTheta { get; }

    /// <summary>A value for all layers; null if it is missing or null.</summary>
    public JsonElement? Find(string key) => _values.TryGetValue(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary>A value for the layers with full attention, if these have separate parameters; null if it is missing or null.</summary>
    public JsonElement? FindOfFull(string key) => _full is { } full ? FindIn(full, key) : Find(key);

    /// <summary>A number for all layers, or a default.</summary>
    public double Number(string key, double otherwise) => Find(key) is { ValueKind: JsonValueKind.Number } value ? value.GetDouble() : otherwise;

    /// <summary>A number for the layers with full attention, or a default.</summary>
    public double NumberOfFull(string key, double otherwise) => FindOfFull(key) is { ValueKind: JsonValueKind.Number } value ? value.GetDouble() : otherwise;

    /// <summary>The scaling type of the layers with full attention; null for none.</summary>
    public string? Type => FindOfFull("rope_type") is { ValueKind: JsonValueKind.String } type ? type.GetString() : null;

    private static JsonElement? FindIn(JsonElement? element, string key) =>
        element is { ValueKind: JsonValueKind.Object } given && given.TryGetProperty(key, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private void AddMissing(string key, JsonElement? value)
    {
        if (value is { } found)
            _values.TryAdd(key, found);
    }
}
