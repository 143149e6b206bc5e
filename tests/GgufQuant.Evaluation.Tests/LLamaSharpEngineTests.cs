using System.Buffers.Binary;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Formats;

namespace GgufQuant.Evaluation.Tests;

/// <summary>The module's engine, loaded as the module loads it.</summary>
public sealed class LLamaSharpEngineTests : EngineContract
{
    [Fact]
    public void It_is_loaded_from_one_folder_per_process()
    {
        Start();
        using TemporaryFolder folder = new();

        EngineMissingException exception = Assert.Throws<EngineMissingException>(
            () => PackagedEngine.Start(SampleEngine.Location with { NativesFolder = folder.File("other") }));

        Assert.Contains(SampleEngine.Location.NativesFolder, exception.Message, StringComparison.Ordinal);
    }

    // ggml's newest types, which LLamaSharp's own list of types lacks.
    [Theory]
    [InlineData(FileType.Q1_0)]
    [InlineData(FileType.Q2_0)]
    public void Types_that_LLamaSharp_does_not_list_run(FileType type)
    {
        using ILanguageModel model = SampleEngine.Load(QuantizedSamples.Get(type));
        using IEvaluationContext context = model.CreateContext(new() { Threads = 1, ContextLength = 8 });

        context.Evaluate([1, 2, 3], 0, 0, Token);

        Assert.True(float.IsFinite(context.Logits(2)[0]));
    }

    [Fact]
    public void An_unknown_type_is_an_error_that_names_the_version()
    {
        using TemporaryFolder folder = new();
        byte[] bytes = File.ReadAllBytes(Sample.Model);
        ReadOnlySpan<byte> name = "output_norm.weight"u8;
        // After the name: one dimension, and the type.
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(bytes.AsSpan().IndexOf(name) + name.Length + sizeof(int) + sizeof(long)), 99);
        File.WriteAllBytes(folder.File("new.gguf"), bytes);

        ModelLoadException exception = Assert.Throws<ModelLoadException>(() => SampleEngine.Load(folder.File("new.gguf")));

        Assert.StartsWith($"{EngineVersion.Text} cannot load ", exception.Message, StringComparison.Ordinal);
        Assert.Contains("99", exception.Message, StringComparison.Ordinal);
    }

    protected override IInferenceEngine Start(Action<LlamaLogLevel, string>? log = null) => SampleEngine.Start(log);
}
