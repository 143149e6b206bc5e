using System.Buffers.Binary;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using GgufQuant.HuggingFace;

namespace GgufQuant.Tests.HuggingFace;

/// <summary>A folder of converted-folders.json: its tensors are made from numbers, its tokenizer is a golden folder's.</summary>
/// <remarks>
/// The results in the file are SHA-256 hashes of the output of llama.cpp's converter of 2026-08-21 for the same folders, run with
/// config.json as it is, and ("filled") with the configuration classes of transformers 4.57.5.
/// </remarks>
internal sealed partial class ConvertedFolder
{
    private static readonly Lazy<Dictionary<string, JsonElement>> s_folders = new(() =>
    {
        using JsonDocument document = JsonDocument.Parse(File.ReadAllBytes(Repository.PathOf("tests", "GgufQuant.Tests", "HuggingFace", "converted-folders.json")));
        return document.RootElement.EnumerateArray().ToDictionary(folder => folder.GetProperty("name").GetString()!, folder => folder.Clone(), StringComparer.Ordinal);
    });

    // What config.json lacks, so that it is filled in.
    private static readonly Dictionary<string, string[]> s_absent = new(StringComparer.Ordinal)
    {
        ["all"] = [],
        ["numbers"] =
        [
            "max_position_embeddings", "rms_norm_eps", "rope_theta", "layer_norm_eps", "norm_eps", "norm_epsilon", "layer_norm_epsilon", "sliding_window", "num_experts_per_tok",
            "n_group", "topk_group", "scoring_func", "type_vocab_size", "conv_L_cache", "rotary_pct", "first_k_dense_replace", "routed_scaling_factor", "norm_topk_prob",
            "logit_scale", "use_parallel_residual", "linear_conv_kernel_dim", "rope_local_base_freq", "attn_logit_softcapping", "final_logit_softcapping",
            "sliding_window_pattern", "original_max_position_embeddings", "interleave_moe_layer_step", "logits_scaling", "embedding_multiplier", "residual_multiplier",
            "attention_multiplier",
        ],
        ["lists"] = ["layer_types", "head_dim", "partial_rotary_factor"],
        ["heads"] = ["num_key_value_heads"],
    };

    private readonly JsonElement _folder;

    public ConvertedFolder(string name)
    {
        Name = name;
        _folder = s_folders.Value[name];
    }

    public static IEnumerable<string> Names => s_folders.Value.Keys;

    public string Name { get; }

    public string? PreTokenizer => _folder.TryGetProperty("pre", out JsonElement pre) ? pre.GetString() : null;

    /// <summary>The types of results with config.json as it is, with their hashes.</summary>
    public IEnumerable<(string Type, string Hash)> Results => Pairs("results");

    /// <summary>What config.json lacks, with the hashes of the results.</summary>
    public IEnumerable<(string Absent, string Hash)> Filled => Pairs("filled");

    /// <summary>Writes the folder.</summary>
    /// <param name="parent">Where.</param>
    /// <param name="absent">What config.json is to lack.</param>
    public string WriteTo(string parent, string absent = "all")
    {
        string folder = Path.Combine(parent, Name);
        string tokenizer = Path.Combine(GoldenCase.Root, _folder.GetProperty("tokenizer").GetString()!, "in");
        Directory.CreateDirectory(folder);
        foreach (JsonElement file in _folder.GetProperty("tokenizerFiles").EnumerateArray())
            File.Copy(Path.Combine(tokenizer, file.GetString()!), Path.Combine(folder, file.GetString()!));
        if (_folder.TryGetProperty("files", out JsonElement files))
        {
            foreach (JsonProperty file in files.EnumerateObject())
            {
                string path = Path.Combine(folder, file.Name);
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                File.WriteAllText(path, file.Value.GetString());
            }
        }
        File.WriteAllText(Path.Combine(folder, "config.json"), Config(absent));
        WriteTensors(Path.Combine(folder, "model.safetensors"));
        return folder;
    }

    public ConversionOptions Options(string type, bool usesDefaults) =>
        new() { Type = Enum.Parse<ConversionType>(type, ignoreCase: true), PreTokenizer = PreTokenizer, UsesDefaults = usesDefaults };

    private IEnumerable<(string Name, string Hash)> Pairs(string property) => _folder.GetProperty(property).EnumerateObject().Select(pair => (pair.Name, pair.Value.GetString()!));

    private string Config(string absent)
    {
        var config = (JsonObject)JsonNode.Parse(_folder.GetProperty("config").GetRawText())!;
        foreach (string key in s_absent[absent])
        {
            config.Remove(key);
            (config["text_config"] as JsonObject)?.Remove(key);
        }
        config["architectures"] = new JsonArray(_folder.GetProperty("class").GetString());
        return config.ToJsonString();
    }

    private void WriteTensors(string path)
    {
        JsonObject header = [];
        using MemoryStream data = new();
        int number = 0;
        foreach ((string name, long[] shape, string type) in Tensors())
        {
            byte[] values = Values(name, type, number++, shape.Aggregate(1L, (count, dimension) => count * dimension));
            header[name] = new JsonObject
            {
                ["dtype"] = type,
                ["shape"] = new JsonArray([.. shape.Select(dimension => (JsonNode)dimension)]),
                ["data_offsets"] = new JsonArray(data.Length, data.Length + values.Length),
            };
            data.Write(values);
        }
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(header);
        byte[] length = new byte[sizeof(long)];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        File.WriteAllBytes(path, [.. length, .. json, .. data.ToArray()]);
    }

    // As in "L.mlp.experts.{0-3}.up_proj.weight=32,64": a range stands for its numbers, and L. for both layers.
    private IEnumerable<(string Name, long[] Shape, string Type)> Tensors()
    {
        foreach (string part in _folder.GetProperty("tensors").GetString()!.Split(' '))
        {
            string[] sides = part.Split('=');
            string[] form = sides[1].Split(':');
            long[] shape = [.. form[0].Split(',', StringSplitOptions.RemoveEmptyEntries).Select(dimension => long.Parse(dimension, CultureInfo.InvariantCulture))];
            string name = sides[0].StartsWith("L.", StringComparison.Ordinal) ? $"model.layers.{{0-1}}.{sides[0][2..]}" : sides[0].Replace(".L.", ".model.layers.{0-1}.", StringComparison.Ordinal);
            foreach (string expanded in Expand(name))
                yield return (expanded, shape, form.ElementAtOrDefault(1) ?? "BF16");
        }
    }

    private static IEnumerable<string> Expand(string name)
    {
        if (Range().Match(name) is not { Success: true } range)
            return [name];
        int first = int.Parse(range.Groups[1].Value, CultureInfo.InvariantCulture);
        int last = int.Parse(range.Groups[2].Value, CultureInfo.InvariantCulture);
        // The first range is the outer loop where there is a second.
        return Enumerable.Range(first, last - first + 1).Select(number => $"{name[..range.Index]}{number}{name[(range.Index + range.Length)..]}").SelectMany(Expand);
    }

    // Values from 1/128 to 1/8 of both signs, the same for the same number and index; the logarithms of state matrices are 0, of which every exp is exact.
    private static byte[] Values(string name, string type, int number, long count)
    {
        bool isZero = name.EndsWith("A_log", StringComparison.Ordinal);
        byte[] bytes = new byte[count * type switch { "BF16" or "F16" => 2, "F32" => 4, "I64" => 8, _ => 1 }];
        for (int i = 0; i < count; i++)
        {
            uint bits = isZero ? 0 : Noise(number, i);
            uint sign = bits >> 31;
            switch (type)
            {
                case "BF16":
                    MemoryMarshal.Cast<byte, ushort>(bytes.AsSpan())[i] = isZero ? (ushort)0 : (ushort)((sign << 15) | ((0x78 + ((bits >> 8) & 3)) << 7) | (bits & 0x7F));
                    break;
                case "F16":
                    MemoryMarshal.Cast<byte, ushort>(bytes.AsSpan())[i] = isZero ? (ushort)0 : (ushort)((sign << 15) | ((9 + ((bits >> 16) & 3)) << 10) | (bits & 0x3FF));
                    break;
                case "F32":
                    MemoryMarshal.Cast<byte, uint>(bytes.AsSpan())[i] = isZero ? 0 : (sign << 31) | ((0x78 + ((bits >> 28) & 3)) << 23) | (bits & 0x7FFFFF);
                    break;
                case "I64":
                    MemoryMarshal.Cast<byte, long>(bytes.AsSpan())[i] = i;
                    break;
                case "F8_E4M3":
                    bytes[i] = (byte)((sign << 7) | ((bits & 0x7F) % 0x7F));
                    break;
                default:
                    bytes[i] = (byte)bits;
                    break;
            }
        }
        return bytes;
    }

    private static uint Noise(int number, int index)
    {
        uint bits = unchecked(((uint)index * 0x9E3779B1) + ((uint)number * 0x85EBCA77));
        bits = unchecked((bits ^ (bits >> 15)) * 0x2C1B3C6D);
        return bits ^ (bits >> 12);
    }

    [GeneratedRegex(@"\{(\d+)-(\d+)\}")]
    private static partial Regex Range();
}
