using System.Text.Json;
using GgufQuant.HuggingFace;

namespace GgufQuant.Tests.HuggingFace;

/// <summary>What transformers fills in where config.json says nothing: one model_type after the other, with the keys absent.</summary>
public sealed class ConfigDefaultsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    /// <summary>Of each type the values that become keys of nearly every model.</summary>
    public static TheoryData<string, string> Types => new()
    {
        { "llama", "head_dim=16 num_key_value_heads=4 max_position_embeddings=2048 rms_norm_eps=1E-06 rope_theta=10000" },
        { "mistral", "head_dim= num_key_value_heads=8 max_position_embeddings=131072 rms_norm_eps=1E-06 rope_theta=10000 sliding_window=4096" },
        { "mixtral", "head_dim= num_key_value_heads=8 max_position_embeddings=131072 rms_norm_eps=1E-05 rope_theta=1000000 num_experts_per_tok=2 num_local_experts=8" },
        { "qwen2", "head_dim= num_key_value_heads=32 max_position_embeddings=32768 rms_norm_eps=1E-06 rope_theta=10000" },
        { "qwen2_moe", "head_dim= num_key_value_heads=16 max_position_embeddings=32768 moe_intermediate_size=1408 shared_expert_intermediate_size=5632 num_experts_per_tok=4 num_experts=60" },
        { "qwen3", "head_dim=128 num_key_value_heads=32 max_position_embeddings=32768 rms_norm_eps=1E-06 rope_theta=10000" },
        { "qwen3_moe", "head_dim= num_key_value_heads=4 max_position_embeddings=32768 moe_intermediate_size=768 num_experts_per_tok=8 num_experts=128" },
        { "qwen3_next", "head_dim=256 num_key_value_heads=2 partial_rotary_factor=0.25 linear_num_value_heads=32 linear_conv_kernel_dim=4 num_experts_per_tok=10 num_experts=512" },
        { "gemma", "head_dim=256 num_key_value_heads=16 max_position_embeddings=8192 rms_norm_eps=1E-06 rope_theta=10000" },
        { "gemma2", "head_dim=256 num_key_value_heads=4 sliding_window=4096 final_logit_softcapping=30 attn_logit_softcapping=50" },
        { "gemma3_text", "head_dim=256 num_key_value_heads=4 max_position_embeddings=131072 rope_theta=1000000 rope_local_base_freq=10000 sliding_window=4096" },
        { "gemma3", "head_dim=256 num_key_value_heads=4 max_position_embeddings=131072 rope_theta=1000000 rope_local_base_freq=10000 sliding_window=4096" },
        { "phi3", "head_dim= num_key_value_heads=4 max_position_embeddings=4096 original_max_position_embeddings=4096 rms_norm_eps=1E-05 rope_theta=10000" },
        { "granite", "head_dim= num_key_value_heads=4 max_position_embeddings=2048 embedding_multiplier=1 logits_scaling=1 residual_multiplier=1 attention_multiplier=1" },
        { "smollm3", "head_dim= num_key_value_heads=4 max_position_embeddings=32768 rms_norm_eps=1E-06 rope_theta=2000000" },
        { "cohere", "head_dim= num_key_value_heads=4 max_position_embeddings=8192 layer_norm_eps=1E-05 logit_scale=0.0625 rope_theta=10000" },
        { "cohere2", "head_dim=16 num_key_value_heads=4 max_position_embeddings=8192 layer_norm_eps=1E-05 logit_scale=0.0625 rope_theta=10000 sliding_window=4096" },
        { "deepseek_v2", "head_dim=64 num_key_value_heads=4 n_group= kv_lora_rank=512 q_lora_rank=1536 n_routed_experts=64" },
        { "deepseek_v3", "head_dim=64 num_key_value_heads=128 n_group=8 topk_group=4 kv_lora_rank=512 q_lora_rank=1536 routed_scaling_factor=2.5 n_routed_experts=256" },
        { "gpt_oss", "head_dim=64 num_key_value_heads=8 sliding_window=128 max_position_embeddings=131072 rms_norm_eps=1E-05 rope_theta=150000 num_experts_per_tok=4" },
        { "glm4", "head_dim=128 num_key_value_heads=2 max_position_embeddings=131072 rms_norm_eps=1.5625E-07 partial_rotary_factor=0.5" },
        { "glm4_moe", "head_dim= num_key_value_heads=8 max_position_embeddings=131072 rms_norm_eps=1E-05 partial_rotary_factor=0.5 num_experts_per_tok=8 n_group=1 topk_group=1" },
        { "nemotron", "head_dim=16 num_key_value_heads= max_position_embeddings=4096 norm_eps=1E-05 partial_rotary_factor=0.5 rope_theta=10000" },
        { "stablelm", "head_dim= num_key_value_heads=32 max_position_embeddings=4096 layer_norm_eps=1E-05 partial_rotary_factor=0.25 rope_theta=10000" },
        { "olmo2", "head_dim= num_key_value_heads=4 max_position_embeddings=2048 rms_norm_eps=1E-05 rope_theta=10000" },
        { "olmoe", "head_dim= num_key_value_heads=4 max_position_embeddings=4096 rms_norm_eps=1E-05 num_experts_per_tok=8 num_experts=64" },
        { "lfm2", "head_dim= num_key_value_heads=8 max_position_embeddings=128000 norm_eps=1E-05 rope_theta=1000000 conv_L_cache=3" },
        { "phi", "head_dim= num_key_value_heads=4 max_position_embeddings=2048 layer_norm_eps=1E-05 rope_theta=10000 partial_rotary_factor=0.5" },
        { "phimoe", "head_dim= num_key_value_heads=8 max_position_embeddings=131072 rms_norm_eps=1E-05 rope_theta=1000000 num_local_experts=16 num_experts_per_tok=2" },
        { "granitemoe", "head_dim= num_key_value_heads=4 max_position_embeddings=2048 num_local_experts=8 num_experts_per_tok=2 logits_scaling=1" },
        { "granitemoeshared", "head_dim= num_key_value_heads=4 max_position_embeddings=2048 num_local_experts=8 num_experts_per_tok=2 logits_scaling=1" },
        { "olmo", "head_dim= num_key_value_heads=4 max_position_embeddings=2048 rms_norm_eps= rope_theta=10000" },
        { "olmo3", "head_dim= num_key_value_heads=4 max_position_embeddings=2048 rms_norm_eps=1E-05 rope_theta=10000 sliding_window=4096" },
        { "arcee", "head_dim=16 num_key_value_heads=4 max_position_embeddings=4096 rms_norm_eps=1E-05 rope_theta=10000" },
        { "apertus", "head_dim= num_key_value_heads=4 max_position_embeddings=65536 rms_norm_eps=1E-05 rope_theta=12000000" },
        { "seed_oss", "head_dim=128 num_key_value_heads=8 max_position_embeddings=524288 rms_norm_eps=1E-06 rope_theta=10000" },
        { "exaone4", "head_dim= num_key_value_heads=32 max_position_embeddings=2048 rms_norm_eps=1E-05 rope_theta=10000 sliding_window=4096 sliding_window_pattern=4" },
        { "dots1", "head_dim= num_key_value_heads=32 max_position_embeddings=2048 rms_norm_eps=1E-06 n_group=1 topk_group=1 moe_intermediate_size=1408" },
        { "starcoder2", "head_dim= num_key_value_heads=2 max_position_embeddings=4096 norm_epsilon=1E-05 rope_theta=10000" },
        { "gpt_neox", "head_dim= num_key_value_heads= max_position_embeddings=2048 layer_norm_eps=1E-05 rotary_pct=0.25 intermediate_size=24576" },
        { "gpt2", "head_dim= vocab_size=50257 layer_norm_epsilon=1E-05" },
        { "llama4", "head_dim=128 num_key_value_heads=8 max_position_embeddings=131072 rms_norm_eps=1E-05 rope_theta=500000 num_local_experts=16 intermediate_size_mlp=16384" },
        { "llama4_text", "head_dim=128 num_key_value_heads=8 max_position_embeddings=131072 rms_norm_eps=1E-05 rope_theta=500000 num_local_experts=16 intermediate_size_mlp=16384" },
        { "qwen2_vl_text", "head_dim= num_key_value_heads=8 max_position_embeddings=32768 rms_norm_eps=1E-05 rope_theta=1000000" },
        { "qwen2_5_vl_text", "head_dim= num_key_value_heads=8 max_position_embeddings=32768 rms_norm_eps=1E-05 rope_theta=1000000" },
        { "qwen2_5_omni_text", "head_dim= num_key_value_heads=4 max_position_embeddings=32768 rms_norm_eps=1E-06 rope_theta=1000000" },
        { "qwen3_vl_text", "head_dim=128 num_key_value_heads=32 max_position_embeddings=128000 rms_norm_eps=1E-06 rope_theta=5000000" },
        { "qwen3_vl_moe_text", "head_dim=16 num_key_value_heads=16 max_position_embeddings=128000 rope_theta=5000000 num_experts=60 num_experts_per_tok=4" },
        { "glm4v_text", "head_dim= num_key_value_heads=2 max_position_embeddings=32768 rms_norm_eps=1E-05 rope_theta=10000" },
        { "glm4v_moe_text", "head_dim= num_key_value_heads=8 max_position_embeddings=65536 partial_rotary_factor=0.5 n_routed_experts=128" },
        { "hunyuan_v1_dense", "head_dim= num_key_value_heads=4 max_position_embeddings=2048 rms_norm_eps=1E-05 rope_theta=10000" },
        { "ernie4_5", "head_dim=128 num_key_value_heads=2 max_position_embeddings=131072 rms_norm_eps=1E-05 rope_theta=500000" },
        { "ernie4_5_moe", "head_dim= num_key_value_heads=4 max_position_embeddings=131072 moe_num_experts=64 moe_k=6 moe_layer_start_index=1 moe_num_shared_experts=2" },
        { "glm", "num_key_value_heads=2 partial_rotary_factor=0.5" },
        { "voxtral", "head_dim=128 num_key_value_heads=8 max_position_embeddings=131072 rms_norm_eps=1E-05 rope_theta=100000000" },
        { "roberta", "vocab_size=50265 max_position_embeddings=512 layer_norm_eps=1E-12 type_vocab_size=2 pad_token_id=1" },
        { "xlm-roberta", "vocab_size=30522 max_position_embeddings=512 layer_norm_eps=1E-12 type_vocab_size=2 pad_token_id=1" },
        { "camembert", "vocab_size=30522 max_position_embeddings=512 layer_norm_eps=1E-12 type_vocab_size=2 pad_token_id=1" },
        { "distilbert", "vocab_size=30522 max_position_embeddings=512 pad_token_id=0" },
        { "modernbert", "vocab_size=50368 max_position_embeddings=8192 norm_eps=1E-05 global_rope_theta=160000 local_rope_theta=10000 local_attention=128 global_attn_every_n_layers=3" },
        { "bert", "head_dim= num_key_value_heads= max_position_embeddings=512 layer_norm_eps=1E-12 type_vocab_size=2 pad_token_id=0" },
    };

    [Theory]
    [MemberData(nameof(Types))]
    public void Absent_values_are_those_of_the_types_configuration_class(string type, string expected)
    {
        List<string> filled = [];
        ModelConfig config = ConfigDefaults.Fill(Read(type), filled);
        foreach (string[] pair in expected.Split(' ').Select(pair => pair.Split('=')))
            Assert.Equal($"{pair[0]}={pair[1]}", FormattableString.Invariant($"{pair[0]}={config.FindDouble(pair[0])}"));
        Assert.All(filled, line => Assert.Matches(@"^\w+ = \S+ \(transformers, \w+/configuration_\w+\.py\)$", line));
    }

    [Fact]
    public void Every_type_is_tested() => Assert.Empty(ConfigDefaults.ModelTypes.Except(Types.Select(row => row.Data.Item1)));

    [Theory]
    [InlineData("\"num_key_value_heads\":2,\"head_dim\":99", "2 99")]
    // What a class computes it computes for null as well.
    [InlineData("\"num_key_value_heads\":null,\"head_dim\":null", "4 16")]
    public void Values_that_are_there_stay(string json, string expected)
    {
        List<string> filled = [];
        ModelConfig config = ConfigDefaults.Fill(Read("llama", $",{json}"), filled);
        Assert.Equal(expected, $"{config.FindInt64("num_key_value_heads")} {config.FindInt64("head_dim")}");
    }

    [Fact]
    public void The_part_for_text_gets_the_defaults()
    {
        ModelConfig config = ConfigDefaults.Fill(
            Parse("""{"architectures":["Gemma3ForConditionalGeneration"],"model_type":"gemma3","vocab_size":7,"text_config":{"hidden_size":64}}"""), []);
        Assert.Equal(262208, config.FindInt64("vocab_size"));
        Assert.Equal(64, config.FindInt64("hidden_size"));
        Assert.Equal(8, config.FindInt64("num_attention_heads"));
    }

    [Fact]
    public void Gpt_oss_gets_a_scaling_of_rotations()
    {
        ModelConfig config = ConfigDefaults.Fill(Read("gpt_oss"), []);
        Assert.Equal(32, config.Find("rope_scaling")!.Value.GetProperty("factor").GetDouble());
        Assert.Null(ConfigDefaults.Fill(Read("gpt_oss", ",\"rope_scaling\":null"), []).Find("rope_scaling"));
    }

    [Theory]
    [InlineData("olmo3", "", "sliding_attention sliding_attention sliding_attention full_attention")]
    [InlineData("exaone4", ",\"sliding_window_pattern\":2", "sliding_attention full_attention sliding_attention full_attention")]
    [InlineData("llama4_text", "", "chunked_attention chunked_attention chunked_attention full_attention")]
    [InlineData("llama4_text", ",\"no_rope_layers\":[0,0,0,0]", "full_attention full_attention full_attention full_attention")]
    [InlineData("lfm2", "", "full_attention full_attention full_attention full_attention")]
    public void Types_of_layers_are_computed(string type, string json, string expected)
    {
        ModelConfig config = ConfigDefaults.Fill(Read(type, $",\"num_hidden_layers\":4{json}"), []);
        Assert.Equal(expected, string.Join(' ', config.Find("layer_types")!.Value.EnumerateArray().Select(layer => layer.GetString())));
    }

    // Where a class raises an error, the converter takes config.json as it is.
    [Theory]
    [InlineData("phi3", ",\"rope_scaling\":{\"rope_type\":\"longrope\"}")]
    [InlineData("phimoe", ",\"rope_scaling\":{\"type\":\"longrope\"}")]
    [InlineData("exaone4", ",\"sliding_window\":null")]
    [InlineData("exaone4", ",\"sliding_window_pattern\":\"LLLG\"")]
    public void A_configuration_that_its_class_rejects_is_not_filled(string type, string json)
    {
        List<string> filled = [];
        ConfigDefaults.Fill(Read(type, json), filled);
        Assert.Empty(filled);
    }

    [Fact]
    public void Of_an_unknown_multimodal_type_nothing_is_filled_in()
    {
        List<string> filled = [];
        ConfigDefaults.Fill(Parse("""{"architectures":["KimiVLForConditionalGeneration"],"model_type":"kimi_vl","text_config":{"model_type":"deepseek_v3","hidden_size":64}}"""), filled);
        Assert.Empty(filled);
    }

    [Fact]
    public void Other_types_keep_what_they_say()
    {
        List<string> filled = [];
        ModelConfig config = Read("something_new");
        Assert.Same(config, ConfigDefaults.Fill(config, filled));
        Assert.Empty(filled);
    }

    [Fact]
    public void A_file_has_the_keys_that_come_of_them()
    {
        string folder = new GoldenCase("llama3_bpe").CopyTo(_folder.Path);
        string path = Path.Combine(folder, "config.json");
        File.WriteAllText(path, File.ReadAllText(path).Replace("\"head_dim\": 16,", "", StringComparison.Ordinal));

        using HuggingFaceModel raw = HuggingFaceModel.Open(folder, new() { PreTokenizer = "llama-bpe", UsesDefaults = false });
        using HuggingFaceModel filled = HuggingFaceModel.Open(folder, new() { PreTokenizer = "llama-bpe" });

        Assert.Empty(raw.Defaults);
        Assert.Equal(["head_dim = 16 (transformers, llama/configuration_llama.py)"], filled.Defaults);
        Assert.Equal(
            ["llama.attention.key_length", "llama.attention.value_length"],
            filled.File.Metadata.Select(entry => entry.Key).Except(raw.File.Metadata.Select(entry => entry.Key)));
        Assert.Equal(16u, filled.File.Metadata.Find("llama.attention.key_length")!.Value);
    }

    [Fact]
    public void The_first_LFM2_models_name_the_layers_with_attention()
    {
        ModelConfig config = ConfigDefaults.Fill(Read("lfm2", ""","num_hidden_layers":4,"full_attn_idxs":[1,3],"block_ff_dim":96"""), []);
        Assert.Equal("""["conv","full_attention","conv","full_attention"]""", config.Find("layer_types")!.Value.GetRawText());
        Assert.Equal(96, config.FindInt64("intermediate_size"));
    }

    public void Dispose() => _folder.Dispose();

    private static ModelConfig Read(string type, string more = "") =>
        Parse($$"""{"architectures":["X"],"model_type":"{{type}}","hidden_size":64,"num_attention_heads":4{{more}}}""");

    private static ModelConfig Parse(string json)
    {
        using JsonDocument document = JsonDocument.Parse(json);
        return ModelConfig.Read("config.json", document.RootElement.Clone());
    }
}
