using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;
using GgufQuant.HuggingFace.Architectures;
using GgufQuant.HuggingFace.Tensors;

namespace GgufQuant.HuggingFace.Quantized;

/// <summary>Repacks the NVFP4 weights of ModelOpt and compressed-tensors as ggml's blocks.</summary>
/// <remarks>convert_hf_to_gguf's <c>ModelBase._generate_nvfp4_tensors</c>. These tensors come first, each followed by its scales.</remarks>
internal sealed partial class NvFp4Source
{
    private const string Algorithm = "NVFP4";

    private readonly ConversionContext _context;
    private readonly TensorNameMap _names;
    private readonly List<SourceTensor> _tensors;
    private readonly Dictionary<string, SourceTensor> _byName;
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);
    private readonly List<SourceTensor> _repacked = [];
    private readonly OrderedDictionary<string, SortedDictionary<int, Expert>> _experts = new(StringComparer.Ordinal);

    private NvFp4Source(ConversionContext context, TensorNameMap names, List<SourceTensor> tensors)
    {
        _context = context;
        _names = names;
        _tensors = tensors;
        _byName = tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
    }

    /// <summary>Whether a folder's weights are NVFP4.</summary>
    public static bool IsIn(ModelFolder folder)
    {
        JsonElement config = folder.Config.Find("quantization_config") is { ValueKind: JsonValueKind.Object } given ? given : default;
        JsonElement own = folder.ReadJson("hf_quant_config.json") is { ValueKind: JsonValueKind.Object } file && file.TryGetProperty("quantization", out JsonElement found)
            && found.ValueKind == JsonValueKind.Object ? found : default;
        if (IsCompressed(config) || Text(config, "quant_algo") is Algorithm or "W4A16_NVFP4" || Text(own, "quant_algo") is Algorithm or "W4A16_NVFP4")
            return true;
        return HasLayers(config) || HasLayers(own);
    }

    /// <summary>The repacked tensors under their GGUF names, and the remaining ones.</summary>
    /// <exception cref="ModelFolderException">The tensors do not fit together, or the architecture rearranges them in a way that blocks do not allow.</exception>
    public static (List<SourceTensor> Repacked, List<SourceTensor> Others) Take(ConversionContext context, TensorNameMap names, List<SourceTensor> tensors)
    {
        if (context.Config.Find("quantization_config") is { } config && IsCompressed(config))
            tensors = Renamed(tensors);
        NvFp4Source source = new(context, names, tensors);
        source.Repack();
        return (source._repacked, [.. tensors.Where(tensor => !source._used.Contains(tensor.Name) && !IsUnused(tensor.Name))]);
    }

    private void Repack()
    {
        foreach (SourceTensor tensor in _tensors)
        {
            if (!tensor.Name.EndsWith(".weight", StringComparison.Ordinal) || Find(tensor.Name, ".weight_scale") is not { Values.Shape.Length: >= 2 } scale)
                continue;
            if (tensor.Stored is not { } weight || scale.Stored is not { } scales)
                throw new ModelFolderException(_context.Folder.Path, $"the tensor '{tensor.Name}' does not match its quantization method");
            _used.Add(tensor.Name);
            _used.Add(scale.Name);
            NvFp4Values values = NvFp4Values.Of(weight, scales);
            float ofWeight = Factor(tensor.Name, ".weight_scale_2");
            float ofInput = Factor(tensor.Name, ".input_scale");
            if (ExpertName().Match(tensor.Name) is { Success: true } match)
                AddExpert(tensor.Block ?? 0, match.Groups[2].Value, int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture), new Expert(values, ofWeight, ofInput));
            else
                Add(tensor.Name, Permuted(tensor.Name, values), [ofWeight], [ofInput], 1e-6f);
        }
        foreach (string set in _experts.Keys.ToArray())
            Flush(set);
    }

    private void AddExpert(int block, string projection, int number, Expert expert)
    {
        string set = $"model.layers.{block}.mlp.experts.{projection}.weight";
        if (!_experts.TryGetValue(set, out SortedDictionary<int, Expert>? experts))
            _experts.Add(set, experts = []);
        experts[number] = expert;
        if (experts.Count >= (_context.Config.FindInt64("num_local_experts", "num_experts") is > 0 and var count ? count : long.MaxValue))
            Flush(set);
    }

    private void Flush(string set)
    {
        Expert[] experts = [.. _experts[set].Values];
        _experts.Remove(set);
        // numpy's allclose, with its relative tolerance.
        Add(set, TensorValues.Stack([.. experts.Select(expert => (TensorValues)expert.Values)]), [.. experts.Select(expert => expert.Scale)], [.. experts.Select(expert => expert.InputScale)], 1.1e-5f);
    }

    private void Add(string name, TensorValues values, float[] scales, float[] inputScales, float tolerance)
    {
        string target = _names.Find(name) ?? throw new ModelFolderException(_context.Folder.Path, $"the architecture '{_context.Architecture.Name}' has no tensor '{name}'");
        _repacked.Add(new SourceTensor(target, values) { HasGgufName = true });
        AddScales(target.Replace(".weight", ".scale", StringComparison.Ordinal), scales, tolerance);
        AddScales(target.Replace(".weight", ".input_scale", StringComparison.Ordinal), inputScales, tolerance);
    }

    private void AddScales(string name, float[] scales, float tolerance)
    {
        if (scales.Any(scale => !(Math.Abs(scale - 1) <= tolerance)))
            _repacked.Add(new SourceTensor(name, new GivenValues(scales)) { HasGgufName = true });
    }

    // Of the ways in which architectures reorder rows, only Llama's is supported.
    private TensorValues Permuted(string name, TensorValues values)
    {
        if (name.Contains("linear_attn.", StringComparison.Ordinal) && _context.Config.FindInt64("linear_num_value_heads") != _context.Config.FindInt64("linear_num_key_heads"))
            throw new ModelFolderException(_context.Folder.Path, $"'{name}' is NVFP4, and its heads would have to be reordered, which is not supported: use the model it was made from");
        if (!_context.Architecture.Rules.Contains(TensorRules.PermuteQueryAndKey))
            return values;
        return name.EndsWith("q_proj.weight", StringComparison.Ordinal) ? TensorRules.Permute(values, _context.Heads)
            : name.EndsWith("k_proj.weight", StringComparison.Ordinal) ? TensorRules.Permute(values, _context.KeyValueHeads)
            : values;
    }

    private SourceTensor? Find(string weight, string suffix) => _byName.GetValueOrDefault(weight.Replace(".weight", suffix, StringComparison.Ordinal));

    private float Factor(string weight, string suffix)
    {
        if (Find(weight, suffix) is not { } tensor)
            return 1;
        if (tensor.Values.Count != 1)
            throw new ModelFolderException(_context.Folder.Path, $"the tensor '{tensor.Name}' has {tensor.Values.Count} values, but one is expected");
        _used.Add(tensor.Name);
        float[] factor = new float[1];
        tensor.Values.ReadFloats(0, factor);
        return factor[0];
    }

    // compressed-tensors stores the inverse of ModelOpt's factors; renamed tensors go to the end.
    private static List<SourceTensor> Renamed(List<SourceTensor> tensors)
    {
        List<SourceTensor> kept = [];
        List<SourceTensor> renamed = [];
        foreach (SourceTensor tensor in tensors)
        {
            string name = tensor.Name;
            if (name.EndsWith(".weight_packed", StringComparison.Ordinal))
                renamed.Add(tensor with { Name = name[..^"_packed".Length] });
            else if (name.EndsWith(".weight_global_scale", StringComparison.Ordinal))
                renamed.Add(tensor with { Name = name.Replace(".weight_global_scale", ".weight_scale_2", StringComparison.Ordinal), Values = tensor.Values.Select(value => 1 / value) });
            else if (name.EndsWith(".input_global_scale", StringComparison.Ordinal))
                renamed.Add(tensor with { Name = name.Replace(".input_global_scale", ".input_scale", StringComparison.Ordinal), Values = tensor.Values.Select(value => 1 / value) });
            else
                kept.Add(tensor);
        }
        return [.. kept, .. renamed];
    }

    private static bool IsUnused(string name) => name.EndsWith(".k_scale", StringComparison.Ordinal) || name.EndsWith(".v_scale", StringComparison.Ordinal);

    private static bool IsCompressed(JsonElement config)
    {
        if (Text(config, "quant_method") != "compressed-tensors")
            return false;
        const string Format = "nvfp4-pack-quantized";
        return Text(config, "format") == Format
            || (Text(config, "format") == "mixed-precision" && config.TryGetProperty("config_groups", out JsonElement groups) && groups.ValueKind == JsonValueKind.Object
                && groups.EnumerateObject().Any() && groups.EnumerateObject().All(group => group.Value.ValueKind != JsonValueKind.Object || Text(group.Value, "format") == Format));
    }

    private static bool HasLayers(JsonElement config) =>
        config.ValueKind == JsonValueKind.Object && config.TryGetProperty("quantized_layers", out JsonElement layers) && layers.ValueKind == JsonValueKind.Object
        && layers.EnumerateObject().Any(layer => Text(layer.Value, "quant_algo")?.EndsWith(Algorithm, StringComparison.Ordinal) == true);

    private static string? Text(JsonElement element, string key) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    [GeneratedRegex(@"\.experts\.(\d{1,9})\.(gate_proj|up_proj|down_proj)\.weight$", RegexOptions.CultureInvariant)]
    private static partial Regex ExpertName();

    private sealed record Expert(NvFp4Values Values, float Scale, float InputScale);
}
