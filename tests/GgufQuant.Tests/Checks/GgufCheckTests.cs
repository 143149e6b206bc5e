using System.Buffers.Binary;
using System.Diagnostics;
using GgufQuant.Checks;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Models;
using GgufQuant.Tests.Gguf;

namespace GgufQuant.Tests.Checks;

/// <summary>A sound file gives no findings; each kind of damage gives its own.</summary>
public sealed class GgufCheckTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly SyntheticModel _model;

    public GgufCheckTests() => _model = SyntheticModel.Grow("llama", _folder.Path);

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_sample_model_is_sound() =>
        Assert.Empty(GgufCheck.Run(Sample.Model, token: TestContext.Current.CancellationToken));

    [Fact]
    public void A_small_sound_model_gives_no_findings() => Assert.Empty(Check(Metadata(), Tensors()));

    [Fact]
    public void A_file_cut_off_is_an_error()
    {
        string path = Write(GgufBytes.Write(Metadata(), Tensors())[..^200]);
        GgufFinding finding = Assert.Single(Run(path));
        Assert.Equal(FindingSeverity.Error, finding.Severity);
        Assert.Contains("truncated", finding.Message);
    }

    [Fact]
    public void A_missing_shard_is_an_error()
    {
        string path = _folder.File("m-00001-of-00002.gguf");
        File.WriteAllBytes(path, GgufBytes.Write([("split.no", (ushort)0), ("split.count", (ushort)2)], []));
        GgufFinding finding = Assert.Single(Run(path));
        Assert.Equal((FindingSeverity.Error, _folder.File("m-00002-of-00002.gguf")), (finding.Severity, finding.Subject));
    }

    [Fact]
    public void A_missing_file_is_not_a_finding() =>
        Assert.Throws<FileNotFoundException>(() => Run(_folder.File("nothing.gguf")));

    [Fact]
    public void Extra_bytes_are_noticed()
    {
        GgufFinding finding = Assert.Single(Run(Write([.. GgufBytes.Write(Metadata(), Tensors()), 1, 2, 3])));
        Assert.StartsWith("3 bytes follow", finding.Message);
    }

    [Fact]
    public void A_weight_that_is_not_finite_is_placed()
    {
        List<(GgufTensorInfo Info, byte[] Data)> tensors = Tensors();
        BinaryPrimitives.WriteSingleLittleEndian(DataOf(tensors, "token_embd.weight").AsSpan(4 * (64 + 5)), float.PositiveInfinity);
        AssertError(Check(Metadata(), tensors), "token_embd.weight", "row 1, column 5 is not finite.");
    }

    [Fact]
    public void A_scale_that_is_not_finite_is_placed()
    {
        List<(GgufTensorInfo Info, byte[] Data)> tensors = Tensors();
        BinaryPrimitives.WriteHalfLittleEndian(DataOf(tensors, "blk.0.attn_q.weight").AsSpan(34 * 2 * 3), Half.NaN);
        AssertError(Check(Metadata(), tensors), "blk.0.attn_q.weight", "row 3, columns 0 to 31 has a non-finite scale.");
    }

    [Theory]
    [InlineData("token_embd.weight", FindingSeverity.Error)]
    [InlineData("blk.1.attn_q.weight", FindingSeverity.Error)]
    [InlineData("blk.1.attn_norm.weight", FindingSeverity.Error)]
    [InlineData("blk.0.ffn_down.weight", FindingSeverity.Warning)]
    public void A_tensor_of_zeros_is_an_error_where_it_cannot_be_meant(string name, FindingSeverity expected)
    {
        List<(GgufTensorInfo Info, byte[] Data)> tensors = Tensors();
        Array.Clear(DataOf(tensors, name));
        GgufFinding finding = Assert.Single(Check(Metadata(), tensors));
        Assert.Equal((expected, name), (finding.Severity, finding.Subject));
    }

    [Theory]
    [InlineData("blk.0.ffn_down.weight", 0.1, false)]
    [InlineData("blk.0.ffn_down.weight", 0.15, true)]
    [InlineData("blk.0.ffn_down.weight", 1, true)]
    [InlineData("token_embd.weight", 0.4, false)]
    [InlineData("token_embd.weight", 0.6, true)]
    public void A_file_that_ends_in_zeros_is_an_error_beyond_padding(string name, double share, bool isError)
    {
        List<(GgufTensorInfo Info, byte[] Data)> tensors = [.. Tensors().OrderBy(tensor => tensor.Info.Name == name)];
        byte[] data = DataOf(tensors, name);
        data.AsSpan(data.Length - (int)(share * data.Length)).Clear();
        Assert.Equal(isError ? [(FindingSeverity.Error, name)] : [], Check(Metadata(), tensors).Select(finding => (finding.Severity, finding.Subject)));
    }

    [Fact]
    public void A_number_that_is_not_finite_is_an_error() =>
        AssertError(Check(With(Metadata(), "llama.rope.freq_base", float.NaN), Tensors()), "llama.rope.freq_base", "not a finite number");

    [Fact]
    public void A_token_listed_twice_is_found_before_an_engine_loads_the_file()
    {
        string sound = Write(GgufBytes.Write(Metadata(), Tensors()));
        Assert.Null(GgufCheck.FindFatal(sound, TestContext.Current.CancellationToken));
        string[] tokens = [.. Enumerable.Range(0, 299).Select(i => $"t{i}"), "t7"];
        string repeated = Write(GgufBytes.Write(With(Metadata(), "tokenizer.ggml.tokens", tokens), Tensors()));
        Assert.StartsWith("Tokens 7 and 299 are both 't7'", GgufCheck.FindFatal(repeated, TestContext.Current.CancellationToken)?.Message, StringComparison.Ordinal);
        Assert.Null(GgufCheck.FindFatal(_folder.File("nothing.gguf"), TestContext.Current.CancellationToken));
    }

    [Fact]
    public void What_the_loader_asserts_is_found_before_an_engine_loads_the_file()
    {
        Assert.Null(Fatal(Metadata()));
        Assert.Contains("'llama.block_count' is 600", Fatal(With(Metadata(), "llama.block_count", 600u)), StringComparison.Ordinal);
        Assert.Contains("'llama.rope.scaling.type' is 'new'", Fatal([.. Metadata(), ("llama.rope.scaling.type", "new")]), StringComparison.Ordinal);
        Assert.Contains("it uses 3 of 2 experts", Fatal([.. Metadata(), ("llama.expert_count", 2u), ("llama.expert_used_count", 3u)]), StringComparison.Ordinal);
        Assert.Contains("It is -1, and llama.cpp ends the program", Fatal(With(Metadata(), "llama.attention.layer_norm_rms_epsilon", -1f)), StringComparison.Ordinal);
        Assert.Contains("It is NaN, and llama.cpp ends the program", Fatal(With(Metadata(), "llama.attention.layer_norm_rms_epsilon", float.NaN)), StringComparison.Ordinal);
        Assert.Null(Fatal(With(Metadata(), "llama.attention.layer_norm_rms_epsilon", 0f)));
        // Only the engine's build does.
        Assert.Contains("It is an array of Int32", Fatal(With(Metadata(), "tokenizer.ggml.tokens", new int[300])), StringComparison.Ordinal);
        Assert.Contains("takes at most 512 experts", Fatal([.. Metadata(), ("llama.expert_count", 513u), ("llama.expert_used_count", 1u)]), StringComparison.Ordinal);
        Assert.DoesNotContain("takes at most 512 experts", Fatal([.. Metadata(), ("llama.expert_count", 512u), ("llama.expert_used_count", 1u)]) ?? "", StringComparison.Ordinal);
        // What it rejects in words, it may say itself.
        Assert.Null(Fatal(Without(Metadata(), "llama.context_length")));
        Assert.Null(Fatal(With(Metadata(), "llama.embedding_length", 32u)));
    }

    [Theory]
    [InlineData("eagle3")]
    [InlineData("dflash")]
    [InlineData("gemma4-assistant")]
    public void A_draft_head_is_sound_but_found_before_an_engine_loads_it(string architecture)
    {
        SyntheticModel model = SyntheticModel.Grow(architecture, _folder.Path);
        string path = Write(GgufBytes.Write(model.Metadata, model.Tensors));
        Assert.DoesNotContain(GgufCheck.Run(path, token: TestContext.Current.CancellationToken), finding => finding.Severity == FindingSeverity.Error);
        GgufFinding? finding = GgufCheck.FindFatal(path, TestContext.Current.CancellationToken);
        Assert.Equal("The file only drafts tokens for another model, so it does not run alone.", finding?.Message);
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(0, false)]
    public void Layers_that_draft_tokens_alone_are_a_draft_head(int firstLayer, bool isHead)
    {
        SyntheticModel model = SyntheticModel.Grow("qwen35", _folder.Path, isRich: true);
        (string, object)[] metadata = [.. model.Metadata.Select(pair => (pair.Key, pair.Value)), ("qwen35.nextn_predict_layers", 1u)];
        (GgufTensorInfo Info, byte[] Data)[] tensors = [.. model.Tensors.Where(tensor => TensorNames.FindRunLayer(tensor.Info.Name) is not int layer || layer >= firstLayer)];
        GgufFinding? finding = GgufCheck.FindFatal(Write(GgufBytes.Write(metadata, tensors)), TestContext.Current.CancellationToken);
        Assert.Equal(isHead, finding?.Message.StartsWith("The file only drafts tokens", StringComparison.Ordinal) ?? false);
    }

    private string? Fatal(IEnumerable<(string, object)> metadata) =>
        GgufCheck.FindFatal(Write(GgufBytes.Write(metadata, Tensors())), TestContext.Current.CancellationToken)?.Message;

    [Fact]
    public void An_image_model_is_not_held_against_the_rules_of_language_models()
    {
        GgufFinding finding = Assert.Single(Check([("general.architecture", "flux")], [GgufBytes.Tensor("double_blocks.0.img_attn.qkv.weight", GgmlType.F32, 8)]));
        Assert.Equal((FindingSeverity.Information, "general.architecture"), (finding.Severity, finding.Subject));
    }

    [Theory]
    [InlineData("blk.0.attn_q.weight.lora_b", "blk.0.attn_q.weight.lora_a", null)]
    [InlineData("blk.0.attn_q.weight.lora_x", "blk.0.attn_q.weight.lora_a", "An adapter's tensors end in")]
    public void An_adapter_is_checked_by_its_own_loaders_rules(string second, string first, string? expected)
    {
        IReadOnlyList<GgufFinding> findings = Check(
            [("general.type", "adapter"), ("general.architecture", "llama"), ("adapter.type", "lora"), ("adapter.lora.alpha", 16f)],
            [(new(first, GgmlType.F32, [64, 8]), LoaderVariants.DataFor(new(first, GgmlType.F32, [64, 8]))), (new(second, GgmlType.F32, [8, 64]), LoaderVariants.DataFor(new(second, GgmlType.F32, [8, 64])))]);
        if (expected is null)
            Assert.Empty(findings);
        else
            Assert.Contains(findings, finding => finding.Message.StartsWith(expected, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("direction.1", 32, 1, null)]
    [InlineData("direction. +12th", 32, 1, null)]
    [InlineData("direction.99999999", 32, 1, "takes more memory than llama.cpp can count")]
    [InlineData("direction.0", 32, 1, "are called 'direction.1' and so on")]
    [InlineData("direction.1", 16, 2, "a direction is one row of f32")]
    public void A_control_vector_is_checked_by_its_own_loaders_rules(string name, long width, long rows, string? expected)
    {
        GgufTensorInfo info = new(name, GgmlType.F32, [width, rows]);
        IReadOnlyList<GgufFinding> findings = Check([("general.architecture", "controlvector")], [(info, LoaderVariants.DataFor(info))]);
        Assert.Equal(expected is null ? 0 : 1, findings.Count);
        Assert.All(findings, finding => Assert.Contains(expected!, finding.Message, StringComparison.Ordinal));
    }

    [Fact]
    public void A_missing_embedding_is_an_error() =>
        AssertError(Check(Metadata(), Tensors().Where(tensor => tensor.Info.Name != "token_embd.weight")), "token_embd.weight", "missing");

    [Fact]
    public void A_missing_block_is_an_error() =>
        AssertError(Check(Metadata(), Tensors().Where(tensor => !tensor.Info.Name.StartsWith("blk.1."))), "llama.block_count", "The model has 2 blocks, but there are no tensors of 'blk.1'.");

    [Fact]
    public void A_tensor_missing_from_a_block_is_an_error() =>
        AssertError(Check(Metadata(), Tensors().Where(tensor => tensor.Info.Name != "blk.1.attn_norm.weight")), "blk.1", "Block 1 lacks 'blk.1.attn_norm.weight'.");

    [Fact]
    public void A_tensor_that_llama_has_no_use_for_is_an_error() =>
        AssertError(Check(Metadata(), [.. Tensors(), GgufBytes.Tensor("blk.0.further.weight", GgmlType.F32, 8)]), "blk.0.further.weight", "that it does not use: 'blk.0.further.weight'.");

    [Fact]
    public void Thousands_of_tensors_are_answered_in_time()
    {
        (GgufTensorInfo Info, byte[] Data)[] tensors = [.. Enumerable.Range(0, 20_000).Select(i => GgufBytes.Tensor($"blk.{i}.t{i}", GgmlType.F32, 0))];
        string path = Write(GgufBytes.Write(With(Metadata(), "llama.block_count", 512u), tensors));
        long start = Stopwatch.GetTimestamp();
        IReadOnlyList<GgufFinding> findings = Run(path);
        Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(10));
        Assert.Contains(findings, finding => finding.Message.Contains($"and {20_000 - 20} more", StringComparison.Ordinal));
    }

    [Fact]
    public void A_file_type_that_is_only_read_is_held_against_the_tensors()
    {
        GgufFinding finding = Assert.Single(Check(With(Metadata(), "general.file_type", (uint)FileType.NVFP4), Tensors()));
        Assert.Contains("no matrix is nvfp4", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Shards_that_are_padded_otherwise_than_the_first_are_sound()
    {
        string model = Write(GgufBytes.Write([.. Metadata(), ("general.alignment", 64u)], Tensors()));
        using (GgufFile file = GgufFile.Open(model))
            GgufSplitter.Split(file, _folder.File("part"), new() { MaxTensors = 2 }, progress: null, TestContext.Current.CancellationToken);
        Assert.Empty(Run(Directory.GetFiles(_folder.Path, "part-00001-of-*.gguf").Single()));
    }

    [Fact]
    public void Data_that_cannot_be_mapped_is_an_error()
    {
        // The longer name moves the data by one byte, as there is no padding.
        GgufFinding[] findings = [.. Enumerable.Range(0, 32).SelectMany(i => Check([.. Metadata(), ("general.alignment", 1u), ("x" + new string('x', i), 1u)], Tensors()))];
        Assert.Equal(31, findings.Length);
        Assert.All(findings, finding => Assert.Equal((FindingSeverity.Error, "general.alignment"), (finding.Severity, finding.Subject)));
    }

    [Fact]
    public void A_huge_block_count_is_answered_at_once() =>
        AssertError(Check(With(Metadata(), "llama.block_count", uint.MaxValue), Tensors()), "general.architecture", "'llama.block_count' is 4294967295, not 1 to 512.");

    [Fact]
    public void A_small_vocabulary_is_an_error() =>
        AssertEmbedding(Check(WithTokens(40), Tensors()), "Its shape is [64, 300], but llama.cpp expects [64, 40] from the metadata.");

    [Fact]
    public void A_large_vocabulary_is_an_error() =>
        AssertEmbedding(Check(WithTokens(400), Tensors()), "Its shape is [64, 300], but llama.cpp expects [64, 400] from the metadata.");

    [Theory]
    [InlineData(299, FindingSeverity.Error)]
    [InlineData(301, FindingSeverity.Warning)]
    public void Scores_of_another_number_than_tokens_are_noticed(int count, FindingSeverity expected)
    {
        GgufFinding finding = Assert.Single(Check([.. Metadata(), ("tokenizer.ggml.scores", new float[count])], Tensors()));
        Assert.Equal((expected, "tokenizer.ggml.scores"), (finding.Severity, finding.Subject));
        Assert.Contains($"{count} elements for a vocabulary of 300 tokens", finding.Message);
    }

    [Theory]
    [InlineData(299u, null)]
    [InlineData(300u, "Token 300 is not one of the 300, so llama.cpp uses its default.")]
    public void A_special_token_beyond_the_vocabulary_is_noticed(uint id, string? message) =>
        Assert.Equal(message, Check([.. Metadata(), ("tokenizer.ggml.eot_token_id", id)], Tensors()).SingleOrDefault()?.Message);

    [Theory]
    [InlineData(4, true)]
    [InlineData(1, false)]
    public void Experts_have_a_scale_each(int scales, bool isSound)
    {
        SyntheticModel model = SyntheticModel.Grow("qwen3moe", _folder.Path);
        GgufTensorInfo info = new("blk.0.ffn_up_exps.scale", GgmlType.F32, [scales]);
        IReadOnlyList<GgufFinding> findings = Check(model.Metadata, [.. model.Tensors, (info, LoaderVariants.DataFor(info))]);
        Assert.Equal(isSound, findings.All(finding => finding.Severity != FindingSeverity.Error));
    }

    [Fact]
    public void A_wrong_width_is_an_error() =>
        Assert.Contains(Check(With(Metadata(), "llama.embedding_length", 32u), Tensors()), finding => finding.Subject == "token_embd.weight" && finding.Message.Contains("expects [32, 300]", StringComparison.Ordinal));

    [Fact]
    public void A_missing_architecture_is_an_error() =>
        AssertError(Check(Without(Metadata(), "general.architecture"), Tensors()), "general.architecture", "missing");

    [Fact]
    public void A_file_type_that_no_tensor_has_is_noticed()
    {
        GgufFinding finding = Assert.Single(Check(With(Metadata(), "general.file_type", 15u), Tensors()));
        Assert.Equal("general.file_type", finding.Subject);
        Assert.Contains("it is Q4_K_M, but no matrix is q4_K; they are f32, q8_0.", finding.Message);
    }

    [Fact]
    public void A_missing_quantization_version_is_noticed()
    {
        GgufFinding finding = Assert.Single(Check(Without(Metadata(), "general.quantization_version"), Tensors()));
        Assert.Equal("general.quantization_version", finding.Subject);
    }

    [Fact]
    public void Files_that_are_no_models_need_no_tensors()
    {
        GgufFinding finding = Assert.Single(Check([("general.type", "notes")], []));
        Assert.Equal(FindingSeverity.Information, finding.Severity);
    }

    private List<(string Key, object Value)> WithTokens(int count) => With(Metadata(), "tokenizer.ggml.tokens", Enumerable.Range(0, count).Select(i => $"t{i}").ToArray());

    // The same rows may be read again for the output.
    private static void AssertEmbedding(IReadOnlyList<GgufFinding> findings, string message) =>
        Assert.Contains(findings, finding => finding == new GgufFinding(FindingSeverity.Error, "token_embd.weight", message));

    private List<(string Key, object Value)> Metadata() =>
        [.. _model.Metadata, ("general.quantization_version", 2u), ("general.file_type", 7u)];

    private static List<(string Key, object Value)> Without(IEnumerable<(string Key, object Value)> metadata, string key) => [.. metadata.Where(entry => entry.Key != key)];

    private static List<(string Key, object Value)> With(IEnumerable<(string Key, object Value)> metadata, string key, object value) => [.. metadata.Where(entry => entry.Key != key), (key, value)];

    private List<(GgufTensorInfo Info, byte[] Data)> Tensors() =>
        [.. _model.Tensors.Select(tensor => tensor.Info.Name.EndsWith("attn_q.weight", StringComparison.Ordinal) ? Quantized(tensor.Info) : (tensor.Info, tensor.Data.ToArray()))];

    private static (GgufTensorInfo Info, byte[] Data) Quantized(GgufTensorInfo info)
    {
        float[] weights = [.. Enumerable.Range(0, (int)info.Shape.Aggregate((a, b) => a * b)).Select(i => (float)((i % 13) - 6))];
        byte[] data = new byte[BlockFormat.Of(GgmlType.Q8_0).ByteCount(weights.Length)];
        BlockFormat.Of(GgmlType.Q8_0).Quantize(weights, (int)info.Shape[0], [], data);
        return (info with { Type = GgmlType.Q8_0 }, data);
    }

    private static byte[] DataOf(List<(GgufTensorInfo Info, byte[] Data)> tensors, string name) => tensors.Single(tensor => tensor.Info.Name == name).Data;

    private static void AssertError(IReadOnlyList<GgufFinding> findings, string subject, string message)
    {
        GgufFinding finding = Assert.Single(findings);
        Assert.Equal((FindingSeverity.Error, subject), (finding.Severity, finding.Subject));
        Assert.Contains(message, finding.Message);
    }

    private IReadOnlyList<GgufFinding> Check(IEnumerable<(string, object)> metadata, IEnumerable<(GgufTensorInfo, byte[])> tensors) =>
        Run(Write(GgufBytes.Write(metadata, [.. tensors])));

    private static IReadOnlyList<GgufFinding> Run(string path) => GgufCheck.Run(path, token: TestContext.Current.CancellationToken);

    private string Write(byte[] bytes)
    {
        string path = _folder.File("model.gguf");
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
