using System.Text.Json;
using GgufQuant.HuggingFace.Safetensors;
using GgufQuant.HuggingFace.Tensors;

namespace GgufQuant.HuggingFace.Quantized;

/// <summary>Dequantizes the tensors of a model that is already quantized.</summary>
/// <remarks>convert_hf_to_gguf's <c>ModelBase.dequant_model</c>.</remarks>
internal sealed class QuantizedSource
{
    private readonly string _folder;
    private readonly JsonElement _config;
    private readonly List<SourceTensor> _tensors;
    private readonly Dictionary<string, int> _indices;
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);
    private readonly List<SourceTensor> _made = [];

    private QuantizedSource(string folder, JsonElement config, List<SourceTensor> tensors)
    {
        _folder = folder;
        _config = config;
        _tensors = tensors;
        _indices = tensors.Select((tensor, index) => (tensor.Name, index)).ToDictionary(pair => pair.Name, pair => pair.index, StringComparer.Ordinal);
    }

    /// <summary>The quantization method in a model's configuration; null if it is not quantized.</summary>
    public static string? MethodOf(ModelFolder folder)
    {
        if (folder.Config.Find("quantization_config") is { ValueKind: JsonValueKind.Object } config
            && config.TryGetProperty("quant_method", out JsonElement method) && method.ValueKind == JsonValueKind.String)
        {
            return method.GetString();
        }
        return folder.Contains("hf_quant_config.json") ? "modelopt" : null;
    }

    /// <summary>Checks that a quantization can be read, before tensors are looked at.</summary>
    /// <param name="folder">The model.</param>
    /// <param name="keepsMxFp4">Whether the architecture keeps MXFP4 blocks.</param>
    /// <exception cref="ModelFolderException">It cannot.</exception>
    public static void Check(ModelFolder folder, bool keepsMxFp4)
    {
        string? method = MethodOf(folder);
        if (method is null or "fp8" or "compressed-tensors" or "gptq" or "bitnet" or "modelopt" || (method == "mxfp4" && keepsMxFp4))
            return;
        string remedy = method switch
        {
            "bitsandbytes" => "load it with transformers, call dequantize() and save it",
            _ => "use the model it was made from",
        };
        throw new ModelFolderException(folder.Path, $"the model is quantized with '{method}', which cannot be read: {remedy}");
    }

    /// <summary>The tensors, with weights replacing the quantized tensors they are computed from.</summary>
    /// <exception cref="ModelFolderException">The quantization cannot be read.</exception>
    public static List<SourceTensor> Dequantize(ModelFolder folder, List<SourceTensor> tensors)
    {
        string? method = MethodOf(folder);
        if (method is null or "mxfp4")
            return tensors;
        // ModelOpt's models may have hf_quant_config.json instead.
        QuantizedSource source = new(folder.Path, folder.Config.Find("quantization_config") ?? default, tensors);
        switch (method)
        {
            // NVFP4 tensors have already been taken out.
            case "compressed-tensors" when NvFp4Source.IsIn(folder):
                break;
            case "modelopt":
                source.UndoModelOpt();
                break;
            case "fp8":
                source.ScaleAll("_scale_inv", source.Numbers(source._config, "weight_block_size"));
                source.DropAll(".activation_scale", "_activation_scale");
                break;
            case "compressed-tensors":
                source.UndoCompressedTensors();
                break;
            case "gptq":
                source.UndoGptq();
                break;
            case "bitnet":
                source.UndoBitNet();
                break;
        }
        return source.Result();
    }

    private List<SourceTensor> Result() => [.. _tensors.Where(tensor => !_used.Contains(tensor.Name)), .. _made];

    // FP8, with one scale per tensor or row; the scales of activations and of the cache are not used.
    private void UndoModelOpt()
    {
        foreach (SourceTensor scale in _tensors.Where(tensor => tensor.Name.EndsWith(".weight_scale", StringComparison.Ordinal)))
        {
            if (!_indices.ContainsKey(scale.Name[..^"_scale".Length]))
                _used.Add(scale.Name);
        }
        ScaleAll("_scale", [], ".weight_scale");
        DropAll(".input_scale", ".k_scale", ".v_scale");
    }

    private void UndoCompressedTensors()
    {
        string format = Text(_config, "format") ?? "";
        if (!_config.TryGetProperty("config_groups", out JsonElement groups) || groups.ValueKind != JsonValueKind.Object || groups.EnumerateObject().Count() != 1
            || groups.EnumerateObject().First().Value is not { ValueKind: JsonValueKind.Object } group || !group.TryGetProperty("weights", out JsonElement weights) || weights.ValueKind != JsonValueKind.Object)
        {
            throw new ModelFolderException(_folder, "compressed-tensors can only be read with exactly one config group");
        }
        string strategy = Text(weights, "strategy") ?? "";
        switch (format)
        {
            case "float-quantized" or "int-quantized" or "naive-quantized" when strategy is "channel" or "block":
                ScaleAll("_scale", Numbers(weights, "block_structure"), ".weight_scale");
                break;
            case "pack-quantized" when strategy == "group" && (Text(weights, "type") ?? "int") == "int":
                UndoPacked(Bits(weights, "num_bits"), Integer(weights, "group_size"));
                break;
            default:
                throw new ModelFolderException(_folder, $"the compressed-tensors format '{format}' with the strategy '{strategy}' cannot be read: use the model it was made from");
        }
    }

    private void UndoPacked(int bits, long groupSize)
    {
        foreach (SourceTensor packed in _tensors.Where(tensor => tensor.Name.EndsWith(".weight_packed", StringComparison.Ordinal)))
        {
            string name = packed.Name[..^"_packed".Length];
            SafetensorsTensor? zeros = _indices.ContainsKey($"{name}_zero_point") ? Take($"{name}_zero_point") : null;
            Made(name, PackedValues.Of(name, Take(packed.Name), Take($"{name}_scale"), Take($"{name}_shape"), zeros, bits, groupSize));
        }
    }

    private void UndoGptq()
    {
        int bits = Bits(_config, "bits");
        int zeroOffset = (Text(_config, "checkpoint_format") ?? "gptq") == "gptq" ? 1 : 0;
        foreach (SourceTensor packed in _tensors.Where(tensor => tensor.Name.EndsWith(".qweight", StringComparison.Ordinal)))
        {
            string name = packed.Name[..^".qweight".Length];
            GptqValues values = GptqValues.Of(name, Take(packed.Name), Take($"{name}.qzeros"), Take($"{name}.scales"), Take($"{name}.g_idx"), bits, zeroOffset);
            Made($"{name}.weight", values.Transpose());
        }
    }

    // Each stored row packs four, a quarter of the rows apart; the stored scale is the inverse.
    private void UndoBitNet()
    {
        foreach (SourceTensor scale in _tensors.Where(tensor => tensor.Name.EndsWith(".weight_scale", StringComparison.Ordinal)))
        {
            string name = scale.Name[..^"_scale".Length];
            int index = IndexOf(name);
            TensorValues packed = _tensors[index].Values;
            long quarter = packed.Shape[0];
            float[] factor = new float[1];
            scale.Values.ReadFloats(0, factor);
            TensorValues repeated = packed.Rows([4 * quarter, .. packed.Shape[1..]], row => row % quarter);
            _tensors[index] = _tensors[index] with
            {
                Stored = null,
                Values = repeated.SelectByRow((row, value) => ((((byte)value >> (int)(2 * (row / quarter))) & 3) - 1) / factor[0]),
            };
            _used.Add(scale.Name);
        }
    }

    private void ScaleAll(string suffix, long[] blockSize, string? ending = null)
    {
        foreach (SourceTensor scale in _tensors.Where(tensor => tensor.Name.EndsWith(ending ?? suffix, StringComparison.Ordinal) && !_used.Contains(tensor.Name)).ToArray())
        {
            string name = scale.Name[..^suffix.Length];
            int index = IndexOf(name);
            SourceTensor weight = _tensors[index];
            _tensors[index] = weight with
            {
                Stored = null,
                IsFromFloat8 = weight.Stored?.Type.Name.StartsWith("F8_", StringComparison.Ordinal) == true,
                Values = ScaledValues.Of(_folder, name, weight.Values, scale.Values, blockSize),
            };
            _used.Add(scale.Name);
        }
    }

    private void DropAll(params ReadOnlySpan<string> suffixes)
    {
        foreach (SourceTensor tensor in _tensors)
        {
            foreach (string suffix in suffixes)
            {
                if (tensor.Name.EndsWith(suffix, StringComparison.Ordinal))
                    _used.Add(tensor.Name);
            }
        }
    }

    private void Made(string name, TensorValues values) => _made.Add(new SourceTensor(name, values));

    private SafetensorsTensor Take(string name)
    {
        SafetensorsTensor? stored = _tensors[IndexOf(name)].Stored;
        _used.Add(name);
        return stored ?? throw new ModelFolderException(_folder, $"the tensor '{name}' does not match its quantization method");
    }

    private int IndexOf(string name) =>
        _indices.TryGetValue(name, out int index) ? index : throw new ModelFolderException(_folder, $"the tensor '{name}', which the quantization needs, is missing");

    private static string? Text(JsonElement element, string key) =>
        element.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private long Integer(JsonElement element, string key) =>
        element.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out long number) ? number
        : throw new ModelFolderException(_folder, $"'{key}' of the quantization is not a whole number");

    private int Bits(JsonElement element, string key) => Integer(element, key) is (2 or 4 or 8) and long bits ? (int)bits
        : throw new ModelFolderException(_folder, $"weights of '{key}' other than 2, 4 or 8 bits cannot be read: use the model it was made from");

    private long[] Numbers(JsonElement element, string key) =>
        element.TryGetProperty(key, out JsonElement value) && value.ValueKind == JsonValueKind.Array
            ? [.. value.EnumerateArray().Select(item => item.ValueKind == JsonValueKind.Number && item.TryGetInt64(out long number) ? number
                : throw new ModelFolderException(_folder, $"'{key}' of the quantization is not a list of whole numbers"))]
            : [];
}
