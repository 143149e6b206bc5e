using System.Buffers.Binary;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using GgufQuant.Gguf;

namespace GgufQuant.TestKit;

/// <summary>Writes a llama model in GGUF back into the Hugging Face folder that it could have been converted from.</summary>
/// <remarks>The reverse of what llama.cpp's converter does: names, the order of Q and K rows, and the vocabulary as tokenizer.json.</remarks>
public static class LlamaFolder
{
    private static readonly (string Gguf, string HuggingFace)[] s_names =
    [
        ("token_embd", "model.embed_tokens"), ("output_norm", "model.norm"), ("output", "lm_head"),
        ("attn_norm", "input_layernorm"), ("attn_q", "self_attn.q_proj"), ("attn_k", "self_attn.k_proj"), ("attn_v", "self_attn.v_proj"),
        ("attn_output", "self_attn.o_proj"), ("ffn_norm", "post_attention_layernorm"), ("ffn_gate", "mlp.gate_proj"), ("ffn_up", "mlp.up_proj"), ("ffn_down", "mlp.down_proj"),
    ];

    /// <summary>Writes the folder.</summary>
    /// <param name="model">The model, of architecture llama with a byte-level vocabulary.</param>
    /// <param name="folder">The folder, which exists.</param>
    public static void Write(GgufFile model, string folder)
    {
        WriteConfig(model.Metadata, Path.Combine(folder, "config.json"));
        WriteVocabulary(model.Metadata, folder);
        WriteWeights(model, Path.Combine(folder, "model.safetensors"));
    }

    private static void WriteConfig(GgufMetadata metadata, string path)
    {
        long Number(string key) => Convert.ToInt64(metadata.Find($"llama.{key}")!.Value, CultureInfo.InvariantCulture);
        JsonObject config = new()
        {
            ["architectures"] = new JsonArray("LlamaForCausalLM"),
            ["model_type"] = "llama",
            ["num_hidden_layers"] = Number("block_count"),
            ["max_position_embeddings"] = Number("context_length"),
            ["hidden_size"] = Number("embedding_length"),
            ["intermediate_size"] = Number("feed_forward_length"),
            ["num_attention_heads"] = Number("attention.head_count"),
            ["num_key_value_heads"] = Number("attention.head_count_kv"),
            ["rms_norm_eps"] = (float)metadata.Find("llama.attention.layer_norm_rms_epsilon")!.Value,
            ["rope_theta"] = metadata.Find("llama.rope.freq_base")?.Value is float theta ? theta : 10000f,
            ["vocab_size"] = Tokens(metadata).Length,
            ["bos_token_id"] = 0,
            ["eos_token_id"] = 0,
        };
        File.WriteAllText(path, config.ToJsonString());
    }

    private static void WriteVocabulary(GgufMetadata metadata, string folder)
    {
        string[] tokens = Tokens(metadata);
        JsonObject tokenizer = new()
        {
            ["added_tokens"] = new JsonArray(new JsonObject { ["id"] = 0, ["content"] = tokens[0], ["special"] = true, ["normalized"] = false }),
            ["pre_tokenizer"] = new JsonObject { ["type"] = "ByteLevel", ["add_prefix_space"] = false, ["trim_offsets"] = true, ["use_regex"] = true },
            ["decoder"] = new JsonObject { ["type"] = "ByteLevel" },
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["vocab"] = new JsonObject(tokens.Select((token, id) => KeyValuePair.Create(token, (JsonNode?)id))),
                ["merges"] = new JsonArray([.. Strings(metadata, "tokenizer.ggml.merges").Select(merge => (JsonNode)merge)]),
            },
        };
        File.WriteAllText(Path.Combine(folder, "tokenizer.json"), tokenizer.ToJsonString());
        JsonObject config = new() { ["add_bos_token"] = false, ["bos_token"] = tokens[0], ["eos_token"] = tokens[0] };
        File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), config.ToJsonString());
    }

    private static void WriteWeights(GgufFile model, string path)
    {
        JsonObject header = [];
        long offset = 0;
        foreach (GgufTensor tensor in model.Tensors)
        {
            header[NameOf(tensor.Name)] = new JsonObject
            {
                ["dtype"] = tensor.Type.ToString(),
                ["shape"] = new JsonArray([.. tensor.Shape.Reverse().Select(dimension => (JsonNode)dimension)]),
                ["data_offsets"] = new JsonArray(offset, offset += tensor.ByteCount),
            };
        }
        byte[] json = JsonSerializer.SerializeToUtf8Bytes(header);
        byte[] length = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteInt64LittleEndian(length, json.Length);
        using FileStream stream = File.Create(path);
        stream.Write(length);
        stream.Write(json);
        foreach (GgufTensor tensor in model.Tensors)
            stream.Write(Unpermuted(tensor, model.Read(tensor), HeadsOf(tensor.Name, model.Metadata)));
    }

    // The converter's order of the rows of a head is 0, d/2, 1, d/2 + 1, ...
    private static byte[] Unpermuted(GgufTensor tensor, byte[] data, int heads)
    {
        if (heads == 0)
            return data;
        int rowBytes = data.Length / (int)tensor.Shape[1];
        int rows = (int)tensor.Shape[1] / heads;
        byte[] result = new byte[data.Length];
        for (int row = 0; row < tensor.Shape[1]; row++)
        {
            (int head, int index) = Math.DivRem(row, rows);
            int target = (head * rows) + (index % 2 * rows / 2) + (index / 2);
            data.AsSpan(row * rowBytes, rowBytes).CopyTo(result.AsSpan(target * rowBytes));
        }
        return result;
    }

    private static int HeadsOf(string name, GgufMetadata metadata)
    {
        string? key = name.EndsWith(".attn_q.weight", StringComparison.Ordinal) ? "llama.attention.head_count"
            : name.EndsWith(".attn_k.weight", StringComparison.Ordinal) ? "llama.attention.head_count_kv" : null;
        return key is null ? 0 : Convert.ToInt32(metadata.Find(key)!.Value, CultureInfo.InvariantCulture);
    }

    private static string NameOf(string name)
    {
        string[] parts = name.Split('.');
        string Of(string kind) => s_names.Single(pair => pair.Gguf == kind).HuggingFace;
        return parts[0] == "blk" ? $"model.layers.{parts[1]}.{Of(parts[2])}.{parts[3]}" : $"{Of(parts[0])}.{parts[1]}";
    }

    private static string[] Tokens(GgufMetadata metadata) => Strings(metadata, "tokenizer.ggml.tokens");

    private static string[] Strings(GgufMetadata metadata, string key) => (string[]?)metadata.Find(key)?.Value ?? [];
}
