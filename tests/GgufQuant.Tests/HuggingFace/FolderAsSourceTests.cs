using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.HuggingFace;
using GgufQuant.Models;
using GgufQuant.Pipeline;
using GgufQuant.Planning;

namespace GgufQuant.Tests.HuggingFace;

/// <summary>A folder is a model like a GGUF file: it gives the same output as its GGUF file.</summary>
public sealed class FolderAsSourceTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    [Theory]
    [InlineData("llama3_bpe", FileType.Q8_0)]
    [InlineData("llama3_bpe", FileType.Q4_K_M)]
    [InlineData("phi3_longrope", FileType.Q5_0)]
    [InlineData("qwen2", FileType.IQ4_NL)]
    [InlineData("mixtral", FileType.Q4_0)]
    [InlineData("gptq_llama", FileType.Q8_0)]
    [InlineData("deepseek3_fp8", FileType.Q6_K)]
    [InlineData("gemma3", FileType.Q5_1)]
    public void One_step_gives_the_file_of_two(string name, FileType type)
    {
        GoldenCase golden = new(name);
        using HuggingFaceModel model = HuggingFaceModel.Open(golden.CopyTo(_folder.Path), golden.OptionsOf("auto").Options with { Type = ConversionType.Auto });
        string between = _folder.File("between.gguf");
        model.Write(between, token: TestContext.Current.CancellationToken);
        using GgufFile file = GgufFile.Open(between, TestContext.Current.CancellationToken);

        string one = Quantize(model.File, type, "one.gguf");
        string two = Quantize(file, type, "two.gguf");

        Assert.Equal(File.ReadAllBytes(two), File.ReadAllBytes(one));
    }

    [Fact]
    public void Several_types_of_one_pass_are_those_of_several()
    {
        GoldenCase golden = new("deepseek3_fp8");
        using HuggingFaceModel model = HuggingFaceModel.Open(golden.CopyTo(_folder.Path), golden.OptionsOf("auto").Options);
        FileType[] types = [FileType.Q4_K_M, FileType.Q6_K, FileType.BF16];
        IReadOnlyList<QuantizationOutcome> together = new Quantizer().RunAll(
            [.. types.Select(type => new QuantizationOutput(QuantizationPlan.Create(model.File, type), _folder.File($"{type}.gguf")))],
            token: TestContext.Current.CancellationToken);
        Assert.All(
            together.Zip(types),
            file => Assert.Equal(File.ReadAllBytes(Quantize(model.File, file.Second, $"alone-{file.Second}.gguf")), File.ReadAllBytes(file.First.Result.Path)));
    }

    [Fact]
    public void An_interrupted_conversion_goes_on_and_a_record_is_reused()
    {
        GoldenCase golden = new("qwen3");
        using HuggingFaceModel model = HuggingFaceModel.Open(golden.CopyTo(_folder.Path), golden.OptionsOf("auto").Options);
        string plain = Quantize(model.File, FileType.Q8_0, "plain.gguf");
        string kept = Quantize(model.File, FileType.Q8_0, "kept.gguf", new() { Resume = true, KeepReuseRecord = true });
        using GgufFile earlier = GgufFile.Open(kept, TestContext.Current.CancellationToken);

        QuantizationResult reused = new Quantizer(new() { Reuse = earlier }).Run(
            QuantizationPlan.Create(model.File, FileType.Q8_0), _folder.File("again.gguf"), token: TestContext.Current.CancellationToken);

        Assert.Equal(File.ReadAllBytes(plain), File.ReadAllBytes(kept));
        Assert.Equal(File.ReadAllBytes(plain), File.ReadAllBytes(reused.Path));
        Assert.NotEqual(0, reused.TensorsReused);
    }

    [Fact]
    public void Its_own_files_are_not_written_over()
    {
        GoldenCase golden = new("qwen3");
        string folder = golden.CopyTo(_folder.Path);
        using HuggingFaceModel model = HuggingFaceModel.Open(folder, golden.OptionsOf("auto").Options);
        QuantizationPlan plan = QuantizationPlan.Create(model.File, FileType.Q8_0);
        string weights = Directory.EnumerateFiles(folder, "*.safetensors").First();
        Assert.Throws<IOException>(() => new Quantizer().Run(plan, weights, overwrite: true, token: TestContext.Current.CancellationToken));
    }

    [Fact]
    public void A_file_that_changes_is_noticed()
    {
        GoldenCase golden = new("qwen3");
        string folder = golden.CopyTo(_folder.Path);
        using HuggingFaceModel model = HuggingFaceModel.Open(folder, golden.OptionsOf("auto").Options);
        File.SetLastWriteTimeUtc(Directory.EnumerateFiles(folder, "*.safetensors").First(), DateTime.UnixEpoch);
        Assert.Throws<IOException>(() => model.Write(_folder.File("out.gguf"), token: TestContext.Current.CancellationToken));
        Assert.False(File.Exists(_folder.File("out.gguf")));
    }

    [Fact]
    public void What_a_model_is_can_be_told_before_it_is_converted()
    {
        GoldenCase golden = new("mixtral");
        string folder = golden.CopyTo(_folder.Path);
        using HuggingFaceModel model = HuggingFaceModel.Open(folder, golden.OptionsOf("auto").Options);
        ModelInfo info = ModelInfo.Read(model.File);
        Assert.Equal("llama", info.Architecture);
        Assert.Equal(folder, info.Path);
        Assert.Equal(model.File.Tensors.Sum(tensor => tensor.ElementCount), info.Parameters);
    }

    public void Dispose() => _folder.Dispose();

    private string Quantize(GgufFile source, FileType type, string name, QuantizerOptions? options = null)
    {
        string path = _folder.File(name);
        new Quantizer(options ?? new()).Run(QuantizationPlan.Create(source, type), path, token: TestContext.Current.CancellationToken);
        return path;
    }
}
