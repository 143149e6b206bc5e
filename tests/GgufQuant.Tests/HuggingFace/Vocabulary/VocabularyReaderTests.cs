using System.Text.Json;
using GgufQuant.Gguf;
using GgufQuant.HuggingFace;
using GgufQuant.HuggingFace.Vocabulary;

namespace GgufQuant.Tests.HuggingFace.Vocabulary;

/// <summary>Files of real models that are not as they should be, as users report them, and routes that no golden model takes.</summary>
public sealed class VocabularyReaderTests
{
    private static readonly (string Text, float Score, int Type)[] s_pieces = [("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3), ("▁a", -1, 1), ("b", -2, 1)];

    [Theory]
    [InlineData(nameof(VocabularyKind.Gemma))]
    [InlineData(nameof(VocabularyKind.Gemma2))]
    public void Gemma_without_a_tokenizer_model_is_read_from_tokenizer_json(string kind)
    {
        using TemporaryModel model = Golden("llama_hf_json");
        VocabularyKeys keys = Read(model, Enum.Parse<VocabularyKind>(kind));
        Assert.Equal("llama", Value(keys, "tokenizer.ggml.model"));
        Assert.Equal(false, Value(keys, "tokenizer.ggml.add_space_prefix"));
    }

    [Theory]
    [InlineData(nameof(VocabularyKind.SentencePiece), "tokenizer.model")]
    [InlineData(nameof(VocabularyKind.Nemotron), "tokenizer.model")]
    [InlineData(nameof(VocabularyKind.Phi3), "tokenizer.model")]
    [InlineData(nameof(VocabularyKind.Gemma2), "neither tokenizer.model nor tokenizer.json")]
    [InlineData(nameof(VocabularyKind.Llama), "neither tokenizer.model nor tokenizer.json")]
    [InlineData(nameof(VocabularyKind.Mamba), "neither tokenizer.model nor tokenizer.json")]
    [InlineData(nameof(VocabularyKind.Gpt2), "tokenizer.json")]
    [InlineData(nameof(VocabularyKind.Bert), "tokenizer.json")]
    [InlineData(nameof(VocabularyKind.XlmRoberta), "tokenizer.json")]
    public void A_model_without_a_vocabulary_is_an_error_that_names_the_missing_files(string kind, string files)
    {
        using TemporaryModel model = new();
        model.Write("config.json", Config(320));
        Assert.Contains(files, Assert.Throws<ModelFolderException>(() => Read(model, Enum.Parse<VocabularyKind>(kind))).Message);
    }

    [Fact]
    public void A_GLM_without_the_users_token_is_converted_with_a_warning()
    {
        using TemporaryModel model = Golden("glm4");
        model.Write("tokenizer.json", File.ReadAllText(model.PathOf("tokenizer.json")).Replace("<|user|>", "<|usr|>"));
        model.Write("tokenizer_config.json", File.ReadAllText(model.PathOf("tokenizer_config.json")).Replace("<|user|>", "<|usr|>"));
        VocabularyKeys keys = Read(model, VocabularyKind.Glm4, "glm4");
        Assert.Contains(keys.Warnings, warning => warning.Contains("no added token '<|user|>' for 'eot'"));
        Assert.DoesNotContain(keys.Entries, entry => entry.Key == "tokenizer.ggml.eot_token_id");
    }

    [Fact]
    public void A_vocab_size_below_the_tokens_is_an_error_with_both_numbers()
    {
        using TemporaryModel model = Golden("qwen2");
        model.Write("config.json", Config(300));
        string message = Assert.Throws<ModelFolderException>(() => Read(model, VocabularyKind.Gpt2, "qwen2")).Message;
        Assert.Contains("id 321", message);
        Assert.Contains("vocab_size in config.json is 300", message);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(5_000_000)]
    [InlineData(long.MaxValue)]
    public void A_vocab_size_that_no_model_has_is_an_error(long size)
    {
        using TemporaryModel model = Golden("qwen2");
        model.Write("config.json", Config(size));
        Assert.Contains($"{size} is not a valid vocabulary size", Assert.Throws<ModelFolderException>(() => Read(model, VocabularyKind.Gpt2, "qwen2")).Message);
    }

    [Fact]
    public void A_size_that_only_transformers_knows_pads_the_vocabulary()
    {
        using TemporaryModel model = new();
        model.Write("config.json", """{"architectures": ["Gemma3ForCausalLM"]}""").Write("tokenizer.model", SentencePieceBytes.Model(2, s_pieces));
        using ModelFolder folder = model.Open();
        Assert.Equal(5, new VocabularyReader(folder, new()).Read(VocabularyKind.Gemma3).TokenCount);
        Assert.Equal(8, new VocabularyReader(folder, new() { Config = folder.Config.With("vocab_size", "8") }).Read(VocabularyKind.Gemma3).TokenCount);
    }

    [Fact]
    public void Added_tokens_beyond_the_vocabulary_are_left_out_with_a_warning()
    {
        using TemporaryModel model = new();
        model.Write("config.json", Config(4)).Write("tokenizer.model", SentencePieceBytes.Model(2, s_pieces)).Write("added_tokens.json", """{"<x>": 3, "<y>": 4}""");
        VocabularyKeys keys = Read(model, VocabularyKind.SentencePiece);
        Assert.Equal(["<unk>", "<s>", "</s>", "<x>"], (string[])Value(keys, GgufKeys.Tokens)!);
        Assert.Equal([2, 3, 3, 4], (int[])Value(keys, GgufKeys.TokenTypes)!);
        Assert.Equal(2, keys.Warnings.Count);
    }

    [Fact]
    public void What_a_version_of_transformers_writes_differently_does_not_matter()
    {
        using TemporaryModel model = Golden("qwen2");
        string config = File.ReadAllText(model.PathOf("tokenizer_config.json"));
        string[] before = Describe(Read(model, VocabularyKind.Gpt2, "qwen2"));
        model.Write("tokenizer_config.json", config.Replace("{\"added", "{\"extra_special_tokens\": [\"<|im_end|>\"], \"tokenizer_version\": 5, \"added").TrimStart());
        Assert.Equal(before, Describe(Read(model, VocabularyKind.Gpt2, "qwen2")));
    }

    [Fact]
    public void A_byte_order_mark_does_not_matter()
    {
        using TemporaryModel model = Golden("qwen2");
        string[] before = Describe(Read(model, VocabularyKind.Gpt2, "qwen2"));
        foreach (string name in new[] { "tokenizer.json", "tokenizer_config.json", "config.json" })
            model.Write(name, [0xEF, 0xBB, 0xBF, .. File.ReadAllBytes(model.PathOf(name))]);
        Assert.Equal(before, Describe(Read(model, VocabularyKind.Gpt2, "qwen2")));
    }

    [Fact]
    public void Mistrals_own_form_is_rejected_by_name()
    {
        using TemporaryModel model = new();
        model.Write("config.json", Config(320)).Write("tekken.json", "{}");
        Assert.Contains("Mistral's own tokenizer format", Assert.Throws<ModelFolderException>(() => Read(model, VocabularyKind.Llama)).Message);
    }

    [Fact]
    public void A_Llama_with_a_byte_level_tokenizer_is_not_taken_for_one_of_SentencePieces()
    {
        using TemporaryModel model = Golden("llama3_bpe");
        Assert.Equal("gpt2", Value(Read(model, VocabularyKind.Llama, "llama-bpe"), "tokenizer.ggml.model"));
    }

    [Fact]
    public void A_given_name_needs_no_pre_tokenizer_that_can_be_run()
    {
        using TemporaryModel model = Golden("qwen2");
        model.Write("tokenizer.json", File.ReadAllText(model.PathOf("tokenizer.json")).Replace("\"Split\"", "\"SplitAnew\""));
        UnknownPreTokenizerException exception = Assert.Throws<UnknownPreTokenizerException>(() => Read(model, VocabularyKind.Gpt2));
        Assert.Null(exception.Hash);
        Assert.Contains("the unknown type 'SplitAnew'", exception.Message);
        Assert.Equal("qwen2", Value(Read(model, VocabularyKind.Gpt2, "qwen2"), "tokenizer.ggml.pre"));
    }

    [Fact]
    public void Half_a_surrogate_pair_is_an_error()
    {
        using TemporaryModel model = Golden("qwen2");
        model.Write("tokenizer.json", File.ReadAllText(model.PathOf("tokenizer.json")).Replace("<think>", "\\ud83d"));
        Assert.Contains("not valid Unicode", Assert.Throws<ModelFolderException>(() => Read(model, VocabularyKind.Gpt2, "qwen2")).Message);
    }

    [Fact]
    public void Code_Llama_has_the_end_of_its_infill_and_Granite_adds_no_beginning()
    {
        using TemporaryModel model = Golden("llama_hf_json");
        model.Write("config.json", Config(32016));
        Assert.Equal(32010u, Value(Read(model, VocabularyKind.Llama), "tokenizer.ggml.eot_token_id"));
        model.Write("config.json", Config(49152));
        Assert.Equal(false, Value(Read(model, VocabularyKind.Llama), "tokenizer.ggml.add_bos_token"));
    }

    [Fact]
    public void Gemma_has_the_end_of_its_turn()
    {
        using TemporaryModel model = new();
        model.Write("config.json", Config(320)).Write("tokenizer.model", SentencePieceBytes.Model(2, s_pieces));
        Assert.Equal(
            ["tokenizer.ggml.model", "tokenizer.ggml.pre", "tokenizer.ggml.tokens", "tokenizer.ggml.scores", "tokenizer.ggml.token_type", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.add_space_prefix"],
            Read(model, VocabularyKind.Gemma).Entries.Select(entry => entry.Key));
    }

    [Fact]
    public void XLM_RoBERTas_pieces_get_the_ids_of_fairseq()
    {
        using TemporaryModel model = new();
        model.Write("config.json", Config(7)).Write("sentencepiece.bpe.model", SentencePieceBytes.Model(1, [("<unk>", 0, 2), ("<s>", 0, 3), ("</s>", 0, 3), ("a", -1, 1), ("b", -2, 1)]));
        VocabularyKeys keys = Read(model, VocabularyKind.XlmRoberta);
        Assert.Equal(["<s>", "<pad>", "</s>", "<unk>", "a", "b", "[PAD5]"], (string[])Value(keys, GgufKeys.Tokens)!);
        Assert.Equal([0, 0, 0, 0, -1, -2, -10000], (float[])Value(keys, GgufKeys.TokenScores)!);
        Assert.Equal([3, 3, 3, 2, 1, 1, 5], (int[])Value(keys, GgufKeys.TokenTypes)!);
        Assert.Equal([1, 2, 3], (byte[])Value(keys, "tokenizer.ggml.precompiled_charsmap")!);
        Assert.Equal(true, Value(keys, "tokenizer.ggml.add_space_prefix"));
        Assert.Equal(false, Value(keys, "tokenizer.ggml.remove_extra_whitespaces"));
    }

    [Fact]
    public void Jinas_classes_decide_between_pieces_and_bytes()
    {
        using TemporaryModel model = Golden("bert");
        Assert.Equal("bert", Value(Read(model, VocabularyKind.JinaBert, "x"), "tokenizer.ggml.model"));
        using TemporaryModel other = Golden("granite");
        other.Write("tokenizer_config.json", """{"tokenizer_class": "RobertaTokenizer"}""");
        VocabularyKeys keys = Read(other, VocabularyKind.JinaBert, "jina-v2-code");
        Assert.Equal(("gpt2", (object?)2u), ((string)Value(keys, "tokenizer.ggml.model")!, Value(keys, "tokenizer.ggml.token_type_count")));
        other.Write("tokenizer_config.json", """{"tokenizer_class": "Other"}""");
        Assert.Contains("'tokenizer_class' is 'Other'", Assert.Throws<ModelFolderException>(() => Read(other, VocabularyKind.JinaBert, "x")).Message);
    }

    [Fact]
    public void A_vocabulary_in_two_files_is_that_of_the_tokenizer_json_made_of_them()
    {
        using TemporaryModel model = Golden("qwen2");
        VocabularyKeys whole = Read(model, VocabularyKind.SentencePieceOrGpt2, "qwen2");
        Divide(model);

        VocabularyKeys divided = Read(model, VocabularyKind.SentencePieceOrGpt2, "qwen2");

        foreach (string key in new[] { "tokenizer.ggml.model", "tokenizer.ggml.tokens", "tokenizer.ggml.token_type", "tokenizer.ggml.merges", "tokenizer.chat_template" })
            Assert.Equal(Value(whole, key), Value(divided, key));
        UnknownPreTokenizerException unknown = Assert.Throws<UnknownPreTokenizerException>(() => Read(model, VocabularyKind.SentencePieceOrGpt2));
        Assert.Equal((new GoldenModel("qwen2").Hash, "qwen2"), (unknown.Hash, unknown.LikelyName));
        // The converter finds the tokens that tokenizer_config.json names in tokenizer.json alone.
        Assert.Equal(316u, Value(whole, "tokenizer.ggml.padding_token_id"));
        Assert.Null(Value(divided, "tokenizer.ggml.padding_token_id"));
    }

    [Fact]
    public void Tokens_in_a_file_of_their_own_are_added_where_no_other_file_has_them()
    {
        using TemporaryModel model = Golden("qwen2");
        Divide(model);
        model.Write("tokenizer_config.json", """{"tokenizer_class": "GPT2TokenizerFast", "eos_token": "<|im_end|>"}""");
        model.Write("added_tokens.json", """{"<|im_end|>": 317, "<tool>": 316}""");
        VocabularyKeys keys = Read(model, VocabularyKind.Gpt2, "gpt-2");
        Assert.Equal(["<tool>", "<|im_end|>", "[PAD318]"], ((string[])Value(keys, GgufKeys.Tokens)!)[316..319]);
        Assert.Equal([4, 3, 5], ((int[])Value(keys, GgufKeys.TokenTypes)!)[316..319]);
    }

    [Fact]
    public void Two_files_of_another_class_are_an_error_that_says_what_to_add()
    {
        using TemporaryModel model = Golden("qwen2");
        Divide(model);
        model.Write("tokenizer_config.json", """{"tokenizer_class": "BartTokenizer"}""");
        string message = Assert.Throws<ModelFolderException>(() => Read(model, VocabularyKind.Gpt2, "gpt-2")).Message;
        Assert.Contains("this one is 'BartTokenizer'", message);
    }

    // Into vocab.json and merges.txt.
    private static void Divide(TemporaryModel model)
    {
        using (JsonDocument tokenizer = JsonDocument.Parse(File.ReadAllBytes(model.PathOf("tokenizer.json"))))
        {
            JsonElement bytePairs = tokenizer.RootElement.GetProperty("model");
            model.Write("vocab.json", bytePairs.GetProperty("vocab").GetRawText());
            model.Write("merges.txt", $"#version: 0.2\n{string.Join('\n', bytePairs.GetProperty("merges").EnumerateArray().Select(merge => merge.GetString()))}\n");
        }
        File.Delete(model.PathOf("tokenizer.json"));
    }

    private static TemporaryModel Golden(string name) =>
        new TemporaryModel().Copy(new GoldenModel(name).Folder, file => !file.EndsWith(".safetensors", StringComparison.Ordinal));

    private static string Config(long size) => $$"""{"architectures": ["LlamaForCausalLM"], "vocab_size": {{size}}}""";

    private static VocabularyKeys Read(TemporaryModel model, VocabularyKind kind, string? preTokenizer = null)
    {
        using ModelFolder folder = model.Open();
        return new VocabularyReader(folder, new() { PreTokenizer = preTokenizer }).Read(kind);
    }

    private static object? Value(VocabularyKeys keys, string key) => keys.Entries.SingleOrDefault(entry => entry.Key == key)?.Value;

    private static string[] Describe(VocabularyKeys keys) => [.. keys.Entries.Select(entry => $"{entry.Key} {Convert.ToHexString(entry.GetEncodedValue().Span)}")];
}
