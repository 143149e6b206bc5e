using System.Buffers.Binary;
using System.Diagnostics;
using GgufQuant.Checks;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Tests.Gguf;

namespace GgufQuant.Tests.Checks;

/// <summary>A sound file gives no findings; each kind of damage gives its own.</summary>
public sealed class GgufCheckTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("ggufquant-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

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
        string path = Path.Combine(_folder, "m-00001-of-00002.gguf");
        File.WriteAllBytes(path, GgufBytes.Write([("split.no", (ushort)0), ("split.count", (ushort)2)], []));
        GgufFinding finding = Assert.Single(Run(path));
        Assert.Equal((FindingSeverity.Error, Path.Combine(_folder, "m-00002-of-00002.gguf")), (finding.Severity, finding.Subject));
    }

    [Fact]
    public void A_missing_file_is_not_a_finding() =>
        Assert.Throws<FileNotFoundException>(() => Run(Path.Combine(_folder, "nothing.gguf")));

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
        BinaryPrimitives.WriteSingleLittleEndian(tensors[0].Data.AsSpan(4 * (32 + 5)), float.PositiveInfinity);
        AssertError(Check(Metadata(), tensors), "token_embd.weight", "row 1, column 5 is not finite.");
    }

    [Fact]
    public void A_scale_that_is_not_finite_is_placed()
    {
        List<(GgufTensorInfo Info, byte[] Data)> tensors = Tensors();
        BinaryPrimitives.WriteHalfLittleEndian(tensors[1].Data.AsSpan(34 * 3), Half.NaN);
        AssertError(Check(Metadata(), tensors), "blk.0.attn_q.weight", "row 3, columns 0 to 31 has a non-finite scale.");
    }

    [Fact]
    public void A_hole_of_zeros_is_noticed()
    {
        List<(GgufTensorInfo Info, byte[] Data)> tensors = Tensors();
        Array.Clear(tensors[3].Data);
        GgufFinding finding = Assert.Single(Check(Metadata(), tensors));
        Assert.Equal((FindingSeverity.Warning, "blk.1.attn_q.weight"), (finding.Severity, finding.Subject));
    }

    [Fact]
    public void A_missing_embedding_is_an_error() =>
        AssertError(Check(Metadata(), Tensors().Where(tensor => tensor.Info.Name != "token_embd.weight")), "token_embd.weight", "missing");

    [Fact]
    public void A_missing_block_is_an_error() =>
        AssertError(Check(Metadata(), Tensors().Where(tensor => !tensor.Info.Name.StartsWith("blk.1."))), "llama.block_count", "no tensors of block 1.");

    [Fact]
    public void A_tensor_missing_from_a_block_is_an_error() =>
        AssertError(Check(Metadata(), Tensors().Where(tensor => tensor.Info.Name != "blk.1.attn_norm.weight")), "blk.1", "lacks 'blk.1.attn_norm.weight'");

    [Fact]
    public void In_an_architecture_of_mixed_blocks_that_is_a_warning()
    {
        IEnumerable<(string, object)> metadata = [("general.architecture", "mixed"), ("mixed.block_count", 2u), .. Metadata().Skip(2)];
        GgufFinding finding = Assert.Single(Check(metadata, Tensors().Where(tensor => tensor.Info.Name != "blk.1.attn_norm.weight")));
        Assert.Equal((FindingSeverity.Warning, "blk.1"), (finding.Severity, finding.Subject));
    }

    [Fact]
    public void Thousands_of_blocks_that_differ_are_answered_in_time()
    {
        const int Blocks = 20_000;
        (GgufTensorInfo Info, byte[] Data)[] tensors = [.. Enumerable.Range(0, Blocks).Select(i => GgufBytes.Tensor($"blk.{i}.t{i}", GgmlType.F32, 0))];
        string path = Write(GgufBytes.Write([("general.architecture", "llama"), ("llama.block_count", (uint)Blocks)], tensors));
        long start = Stopwatch.GetTimestamp();
        IReadOnlyList<GgufFinding> findings = Run(path);
        Assert.InRange(Stopwatch.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(10));
        Assert.Contains(findings, finding => finding.Subject == "blk.7" && finding.Message.Contains($"and {Blocks - 1 - 20} more, which", StringComparison.Ordinal));
    }

    [Fact]
    public void A_file_type_that_is_only_read_is_held_against_the_tensors()
    {
        GgufFinding finding = Assert.Single(Check([.. Metadata().SkipLast(1), ("general.file_type", (uint)FileType.NVFP4)], Tensors()));
        Assert.Contains("no matrix is nvfp4", finding.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Shards_that_are_padded_otherwise_than_the_first_are_sound()
    {
        string model = Write(GgufBytes.Write([.. Metadata(), ("general.alignment", 8u)], Tensors()));
        using (GgufFile file = GgufFile.Open(model))
            GgufSplitter.Split(file, Path.Combine(_folder, "part"), new() { MaxTensors = 2 }, progress: null, TestContext.Current.CancellationToken);
        Assert.Empty(Run(Path.Combine(_folder, "part-00001-of-00003.gguf")));
    }

    [Fact]
    public void A_huge_block_count_is_answered_at_once() =>
        AssertError(Check([("general.architecture", "llama"), ("llama.block_count", ulong.MaxValue), .. Metadata().Skip(2)], Tensors()), "llama.block_count", "blocks 2, 3, 4 and more.");

    [Fact]
    public void A_small_embedding_is_an_error() =>
        AssertError(Check([.. Metadata(), Vocabulary(40)], Tensors()), "token_embd.weight", "8 rows for a vocabulary of 40 tokens");

    [Fact]
    public void A_large_embedding_is_an_error() =>
        AssertError(Check([.. Metadata(), Vocabulary(4)], Tensors()), "token_embd.weight", "8 rows for a vocabulary of 4 tokens");

    [Theory]
    [InlineData(7, FindingSeverity.Error)]
    [InlineData(9, FindingSeverity.Warning)]
    public void Scores_of_another_number_than_tokens_are_noticed(int count, FindingSeverity expected)
    {
        GgufFinding finding = Assert.Single(Check([.. Metadata(), Vocabulary(8), ("tokenizer.ggml.scores", new float[count])], Tensors()));
        Assert.Equal((expected, "tokenizer.ggml.scores"), (finding.Severity, finding.Subject));
        Assert.Contains($"{count} elements for a vocabulary of 8 tokens", finding.Message);
    }

    [Fact]
    public void A_wrong_width_is_an_error() =>
        AssertError(Check([.. Metadata(), ("llama.embedding_length", 64u)], Tensors()), "token_embd.weight", "is 64");

    [Fact]
    public void A_missing_architecture_is_an_error() =>
        AssertError(Check(Metadata().Skip(1), Tensors()), "general.architecture", "missing");

    [Fact]
    public void A_file_type_that_no_tensor_has_is_noticed()
    {
        GgufFinding finding = Assert.Single(Check([.. Metadata().SkipLast(1), ("general.file_type", 15u)], Tensors()));
        Assert.Equal("general.file_type", finding.Subject);
        Assert.Contains("it is Q4_K_M, but no matrix is q4_K; they are f32, q8_0.", finding.Message);
    }

    [Fact]
    public void A_missing_quantization_version_is_noticed()
    {
        GgufFinding finding = Assert.Single(Check(Metadata().Where(entry => entry.Key != "general.quantization_version"), Tensors()));
        Assert.Equal("general.quantization_version", finding.Subject);
    }

    [Fact]
    public void Files_that_are_no_models_need_no_tensors()
    {
        GgufFinding finding = Assert.Single(Check([("general.type", "imatrix")], []));
        Assert.Equal(FindingSeverity.Information, finding.Severity);
    }

    private static List<(string Key, object Value)> Metadata() =>
        [("general.architecture", "llama"), ("llama.block_count", 2u), ("general.quantization_version", 2u), ("general.file_type", 7u)];

    private static (string Key, object Value) Vocabulary(int tokens) => ("tokenizer.ggml.tokens", Enumerable.Repeat("t", tokens).ToArray());

    private static List<(GgufTensorInfo Info, byte[] Data)> Tensors() =>
    [
        Tensor("token_embd.weight", GgmlType.F32, 32, 8),
        Tensor("blk.0.attn_q.weight", GgmlType.Q8_0, 32, 16),
        Tensor("blk.0.attn_norm.weight", GgmlType.F32, 32),
        Tensor("blk.1.attn_q.weight", GgmlType.Q8_0, 32, 16),
        Tensor("blk.1.attn_norm.weight", GgmlType.F32, 32),
    ];

    private static (GgufTensorInfo Info, byte[] Data) Tensor(string name, GgmlType type, params long[] shape)
    {
        (GgufTensorInfo info, byte[] data) = GgufBytes.Tensor(name, type, shape);
        float[] weights = new float[shape.Aggregate((a, b) => a * b)];
        for (int i = 0; i < weights.Length; i++)
            weights[i] = (i % 13) - 6;
        BlockFormat.Of(type).Quantize(weights, 32, [], data);
        return (info, data);
    }

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
        string path = Path.Combine(_folder, "model.gguf");
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
