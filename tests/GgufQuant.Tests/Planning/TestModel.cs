using System.Runtime.InteropServices;
using GgufQuant.Formats;
using GgufQuant.Gguf;

namespace GgufQuant.Tests.Planning;

/// <summary>Small models of every shape that type selection distinguishes: real names and metadata, random weights.</summary>
internal sealed class TestModel
{
    private const int Width = 256;
    private readonly List<GgufEntry> _metadata = [];
    private readonly List<GgufTensorInfo> _tensors = [];

    private TestModel(
        string architecture, int layers, int heads = 4, int keyHeads = 4, int experts = 0, GgmlType type = GgmlType.F16)
    {
        Architecture = architecture;
        Layers = layers;
        Experts = experts;
        Type = type;
        Add("general.architecture", architecture);
        Add("general.name", "Test");
        Add("general.file_type", 1u);
        Key("context_length", 128u);
        Key("embedding_length", (uint)Width);
        Key("block_count", (uint)layers);
        Key("feed_forward_length", 512u);
        Key("attention.head_count", (uint)heads);
        Key("attention.head_count_kv", (uint)keyHeads);
        Key("attention.layer_norm_rms_epsilon", 1e-5f);
        Key("attention.layer_norm_epsilon", 1e-5f);
        if (experts > 0)
        {
            Key("expert_count", (uint)experts);
            Key("expert_used_count", 2u);
        }
        Add("tokenizer.ggml.tokens", Enumerable.Range(0, 40).Select(i => $"token {i}").ToArray());
    }

    /// <summary>The models, by name.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "dense", "grouped", "tied", "experts-2", "experts-8", "experts-8-apart", "experts-128", "narrow", "ragged", "shapes",
        "alignment-8", "alignment-128", "70b", "70b-embed", "looped", "falcon", "qwen2", "gemma", "phi3", "deepseek2", "gpt2", "bert", "t5", "mamba", "rwkv6",
    ];

    public string Architecture { get; }

    public int Layers { get; }

    public int Experts { get; }

    public GgmlType Type { get; }

    public IReadOnlyList<GgufTensorInfo> Tensors => _tensors;

    /// <summary>A model by name.</summary>
    public static TestModel Make(string name) => name switch
    {
        "dense" => new TestModel("llama", 18).Embedding().Output().EachLayer((model, _) => model.Attention().FeedForward()),
        "grouped" => new TestModel("llama", 10, heads: 8, keyHeads: 2, type: GgmlType.F32).Embedding().Output().EachLayer((model, _) => model.Attention().FeedForward()),
        "tied" => new TestModel("llama", 9, type: GgmlType.BF16).Embedding().EachLayer((model, _) => model.Attention().FeedForward()),
        "experts-2" => new TestModel("llama", 8, experts: 2).Embedding().Output().EachLayer((model, _) => model.Attention().ExpertFeedForward()),
        "experts-8" => new TestModel("llama", 17, experts: 8).Embedding().Output().EachLayer((model, _) => model.Attention().ExpertFeedForward()),
        "experts-8-apart" => new TestModel("llama", 8, heads: 8, keyHeads: 2, experts: 8).Embedding().Output().EachLayer((model, _) => model.Attention().ApartExperts()),
        "experts-128" => new TestModel("qwen3moe", 3, heads: 8, keyHeads: 1, experts: 128).Embedding().Output().EachLayer((model, _) => model.Attention().ExpertFeedForward(rows: 2)),
        "narrow" => new TestModel("llama", 8).Embedding(288).Output(288).EachLayer((model, _) => model.Attention(288).FeedForward(288, 320)),
        "ragged" => new TestModel("llama", 2).Embedding().Output().EachLayer((model, _) => model.Attention(Width).FeedForward(Width, 100)),
        "shapes" => new TestModel("llama", 2).Embedding().Output().EachLayer((model, _) => model.Attention().FeedForward()).Oddities(),
        "alignment-8" => new TestModel("llama", 2).Embedding().Output().EachLayer((model, _) => model.Attention().FeedForward().Tensor("attn_q.bias", GgmlType.F32, 3)).Aligned(8),
        "alignment-128" => new TestModel("llama", 2).Embedding().Output().EachLayer((model, _) => model.Attention().FeedForward().Tensor("attn_q.bias", GgmlType.F32, 3)).Aligned(128),
        "70b" => new TestModel("llama", 80, heads: 8, keyHeads: 1).Embedding().Output().EachLayer((model, _) => model.Attention(rows: 2).FeedForward(rows: 2)),
        "70b-embed" => new TestModel("llama-embed", 80, heads: 8, keyHeads: 1).Embedding().Output().EachLayer((model, _) => model.Attention(rows: 2).FeedForward(rows: 2)),
        "looped" => new TestModel("nanbeige", 8).Key("num_loops", 3u).Embedding().Output().EachLayer((model, _) => model.Attention().FeedForward()),
        "falcon" => new TestModel("falcon", 17).Embedding().Output().EachLayer((model, _) => model.FusedAttention().Weight("ffn_up.weight", Width, 4).Weight("ffn_down.weight", 512, 4)),
        "qwen2" => new TestModel("qwen2", 8, heads: 8, keyHeads: 2).Embedding().Output().EachLayer((model, _) => model.Attention().Tensor("attn_q.bias", GgmlType.F32, Width).FeedForward()),
        "gemma" => new TestModel("gemma", 8, keyHeads: 1).Embedding().EachLayer((model, _) => model.Attention().FeedForward()),
        "phi3" => new TestModel("phi3", 8).Embedding().Output().EachLayer((model, _) => model.FusedAttention().Weight("ffn_up.weight", Width, 8).Weight("ffn_down.weight", 512, 4)),
        "deepseek2" => new TestModel("deepseek2", 4, keyHeads: 1, experts: 16).Latent().Embedding().Output().EachLayer((model, _) => model.LatentAttention().ExpertFeedForward()),
        "gpt2" => new TestModel("gpt2", 4).Embedding().Output().Model("position_embd.weight", Width, 4).EachLayer((model, _) => model.FusedAttention().FeedForward()),
        "bert" => new TestModel("bert", 4).Embedding().Model("position_embd.weight", Width, 4).Model("token_types.weight", Width, 2).EachLayer((model, _) => model.Attention().FeedForward()),
        "t5" => new TestModel("t5", 4).Buckets().Embedding().EachLayer((model, _) => model.Weight("attn_rel_b.weight", Width, 2).Attention().FeedForward()),
        "mamba" => new TestModel("mamba", 4).StateSpace().Embedding().EachLayer((model, _) => model.Weight("ssm_conv1d.weight", 4, 64).Weight("ssm_in.weight", Width, 8).Weight("ssm_out.weight", 512, 4)),
        "rwkv6" => new TestModel("rwkv6", 4).TimeMix().Embedding().Output().EachLayer((model, _) => model.Weight("time_mix_w1.weight", Width, 4).Weight("time_mix_key.weight", Width, 4).Weight("time_mix_lerp_fused.weight", Width, 2)),
        _ => throw new ArgumentOutOfRangeException(nameof(name), name, null),
    };

    /// <summary>Writes the model, with weights that depend on the tensors' names alone.</summary>
    public void Write(string path)
    {
        GgufWriter writer = new(_metadata, _tensors);
        using FileStream stream = File.Create(path);
        writer.WriteHeader(stream);
        foreach (GgufTensor tensor in writer.Tensors)
        {
            stream.Write(Weights(tensor));
            stream.Write(new byte[writer.PaddingAfter(tensor)]);
        }
    }

    private static byte[] Weights(GgufTensor tensor)
    {
        Random random = new(tensor.Name.Aggregate(17, (hash, letter) => unchecked((hash * 31) + letter)));
        float[] weights = new float[tensor.ElementCount];
        for (int i = 0; i < weights.Length; i++)
            weights[i] = (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()) * 0.05);
        return tensor.Type switch
        {
            GgmlType.F32 => MemoryMarshal.AsBytes<float>(weights).ToArray(),
            GgmlType.F16 => MemoryMarshal.AsBytes<Half>([.. weights.Select(weight => (Half)weight)]).ToArray(),
            GgmlType.BF16 => MemoryMarshal.AsBytes<ushort>([.. weights.Select(weight => (ushort)(BitConverter.SingleToUInt32Bits(weight) >> 16))]).ToArray(),
            _ => MemoryMarshal.AsBytes<int>([.. weights.Select(weight => (int)(weight * 1000))]).ToArray(),
        };
    }

    private string _prefix = "";

    private void Add(string key, object value) => _metadata.Add(GgufEntry.Create(key, value));

    private TestModel Key(string key, object value)
    {
        Add($"{Architecture}.{key}", value);
        return this;
    }

    private TestModel Model(string name, params long[] shape)
    {
        _tensors.Add(new GgufTensorInfo(name, Type, [.. shape]));
        return this;
    }

    private TestModel Weight(string name, params long[] shape) => Tensor(name, Type, shape);

    private TestModel Tensor(string name, GgmlType type, params long[] shape)
    {
        _tensors.Add(new GgufTensorInfo(_prefix + name, type, [.. shape]));
        return this;
    }

    // The first tensor of a file is never the first in the order of writing: output.weight, then the layers backwards.
    private TestModel EachLayer(Func<TestModel, int, TestModel> layer)
    {
        for (int i = Layers - 1; i >= 0; i--)
        {
            _prefix = $"blk.{i}.";
            layer(this, i);
        }
        _prefix = "";
        return Tensor("output_norm.weight", GgmlType.F32, Width);
    }

    private TestModel Embedding(int width = Width) => Model("token_embd.weight", width, 40);

    private TestModel Output(int width = Width) => Model("output.weight", width, 40);

    private TestModel Attention(int width = Width, int rows = 6) =>
        Tensor("attn_norm.weight", GgmlType.F32, width)
            .Weight("attn_q.weight", width, rows).Weight("attn_k.weight", width, rows)
            .Weight("attn_v.weight", width, rows).Weight("attn_output.weight", width, rows);

    private TestModel FusedAttention() => Weight("attn_qkv.weight", Width, 12).Weight("attn_output.weight", Width, 4);

    private TestModel FeedForward(int width = Width, int inner = 512, int rows = 6) =>
        Tensor("ffn_norm.weight", GgmlType.F32, width)
            .Weight("ffn_gate.weight", width, rows).Weight("ffn_up.weight", width, rows).Weight("ffn_down.weight", inner, rows);

    private TestModel ExpertFeedForward(int rows = 3) =>
        Tensor("ffn_gate_inp.weight", GgmlType.F32, Width, Experts)
            .Weight("ffn_gate_exps.weight", Width, rows, Experts).Weight("ffn_up_exps.weight", Width, rows, Experts)
            .Weight("ffn_down_exps.weight", 512, rows, Experts).Weight("ffn_up_shexp.weight", Width, rows);

    private TestModel ApartExperts()
    {
        for (int expert = 0; expert < Experts; expert++)
        {
            Weight($"ffn_gate.{expert}.weight", Width, 2).Weight($"ffn_up.{expert}.weight", Width, 2)
                .Weight($"ffn_down.{expert}.weight", 512, 2);
        }
        return this;
    }

    private TestModel LatentAttention() =>
        Weight("attn_q.weight", Width, 4).Weight("attn_kv_a_mqa.weight", Width, 4).Weight("attn_kv_b.weight", 512, 4)
            .Weight("attn_k_b.weight", Width, 2, 4).Weight("attn_v_b.weight", Width, 2, 4).Weight("attn_output.weight", Width, 4);

    private TestModel Latent() =>
        Key("attention.kv_lora_rank", 512u).Key("attention.q_lora_rank", 0u).Key("leading_dense_block_count", 0u)
            .Key("expert_shared_count", 1u).Key("expert_feed_forward_length", 512u).Key("rope.dimension_count", 64u)
            .Key("attention.key_length", 64u).Key("attention.value_length", 64u).Key("expert_weights_scale", 1f);

    private TestModel Buckets() => Key("attention.relative_buckets_count", 32u);

    private TestModel StateSpace() =>
        Key("ssm.conv_kernel", 4u).Key("ssm.inner_size", 512u).Key("ssm.state_size", 16u).Key("ssm.time_step_rank", 16u);

    private TestModel TimeMix() =>
        Key("wkv.head_size", 64u).Key("time_mix_extra_dim", 32u).Key("time_decay_extra_dim", 64u).Key("rescale_every_n_layers", 6u);

    private TestModel Oddities() =>
        Model("abcde", Width, 2).Model("flat.weight", Width).Model("column.weight", Width, 1).Model("deep.column.weight", Width, 1, 1)
            .Model("stack.weight", Width, 2, 3).Model("pillar.weight", Width, 1, 2).Model("odd_norm.weight", Width, 2)
            .Model("blk.1.weight.other", Width, 2).Model("blk.10x", Width, 2).Model("blk.x.weight", Width, 2).Model("blk.+1.weight", Width, 2)
            .Model("blk.-3.weight", Width, 2).Model("Zeta.weight", Width, 2).Model("übel.weight", Width, 2)
            .Model("v.patch_embd.weight", Width, 2).Model("tensor.i32", Width, 2);

    private TestModel Aligned(uint alignment)
    {
        Add("general.alignment", alignment);
        return this;
    }
}
