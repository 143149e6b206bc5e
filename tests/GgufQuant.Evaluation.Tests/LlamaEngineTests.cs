using System.Runtime.InteropServices;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.LlamaCpp;
using GgufQuant.Formats;
using GgufQuant.Reference;

namespace GgufQuant.Evaluation.Tests;

public sealed class LlamaEngineTests : EngineContract
{
    private protected override IInferenceEngine Start() => Sample.StartEngine();

    [Fact]
    public void SharesItsLibrariesWithTheReferenceBindings()
    {
        Sample.StartEngine();

        (string? name, long blockSize, _, _, _) = ReferenceCodec.Describe(GgmlType.Q8_0);

        Assert.Equal(("q8_0", 32L), (name, blockSize));
    }

    [Fact]
    public void SaysThatALibraryIsMissing()
    {
        LlamaEngine engine = Sample.StartEngine();
        using TemporaryFolder folder = new();

        EngineMissingException exception = Assert.Throws<EngineMissingException>(() => LlamaEngine.Start(folder.File("none")));

        Assert.Contains(engine.Folder, exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("llama_model_default_params", nameof(ModelParameters.GpuLayers))]
    [InlineData("llama_model_default_params", nameof(ModelParameters.SplitMode))]
    [InlineData("llama_model_default_params", nameof(ModelParameters.UseExtraBuffers))]
    [InlineData("llama_context_default_params", nameof(ContextParameters.ContextLength))]
    [InlineData("llama_context_default_params", nameof(ContextParameters.YarnBetaFast))]
    [InlineData("llama_context_default_params", nameof(ContextParameters.ValueType))]
    [InlineData("llama_context_default_params", nameof(ContextParameters.OffloadCache))]
    public void RefusesALibraryWhoseDefaultsDiffer(string function, string field)
    {
        Type structure = function.Contains("model", StringComparison.Ordinal) ? typeof(ModelParameters) : typeof(ContextParameters);
        using ForeignLibrary foreign = new(function, (int)Marshal.OffsetOf(structure, field));

        (string type, string message) = foreign.Start()!.Value;

        Assert.Equal(nameof(EngineVersionException), type);
        Assert.Equal(
            $"The libraries in '{foreign.Path}' are not llama.cpp v0.5.0: '{function}' does not read as expected. They are not used, since every call would be garbage.",
            message);
    }

    [Fact]
    public void RefusesALibraryThatLacksAFunction()
    {
        using ForeignLibrary foreign = new("", -1, leftOut: "llama_memory_clear");

        (string type, string message) = foreign.Start()!.Value;

        Assert.Equal(nameof(EngineVersionException), type);
        Assert.Contains("'llama_memory_clear' is not there", message, StringComparison.Ordinal);
    }

    [Fact]
    public void TakesALibraryWhoseDefaultsAreTheSame()
    {
        using ForeignLibrary foreign = new("", -1);

        Assert.Null(foreign.Start());
    }

    [Fact]
    public void ReportsTheLogInLines()
    {
        List<string> lines = [];
        LlamaEngine.Log = (_, line) =>
        {
            lock (lines)
                lines.Add(line);
        };
        try
        {
            Sample.Load().Dispose();
        }
        finally
        {
            LlamaEngine.Log = null;
        }

        Assert.Contains(lines, line => line.Contains("general.architecture", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, line => line.Contains('\n', StringComparison.Ordinal));
    }

    [Fact]
    public void ShowsTheInputsOfMatrixProducts()
    {
        using ILanguageModel model = Sample.Load();
        Recorder recorder = new();
        using IEvaluationContext context = model.CreateContext(new() { Threads = 1, ContextLength = 32, Observer = recorder });

        context.Evaluate(model.Tokenize(Sample.HeldOut[..400], addSpecial: true)[..32], 0, 0, Token);

        Assert.Equal((256L, 256L, 32L), recorder.Seen["blk.0.attn_q.weight"]);
        Assert.Equal((768L, 256L, 32L), recorder.Seen["blk.5.ffn_down.weight"]);
        // llama.cpp computes queries, keys and values from the same normalized input.
        Assert.Equal(recorder.Sums["blk.3.attn_q.weight"], recorder.Sums["blk.3.attn_k.weight"]);
        Assert.NotEqual(0, recorder.Sums["blk.3.attn_q.weight"]);
    }

    [Fact]
    public void ThrowsWhatAnObserverThrows()
    {
        using ILanguageModel model = Sample.Load();
        using IEvaluationContext context = model.CreateContext(new() { Threads = 1, ContextLength = 32, Observer = new Thrower() });

        InvalidTimeZoneException exception = Assert.Throws<InvalidTimeZoneException>(() => context.Evaluate(new int[32], 0, 0, Token));

        Assert.Equal("blk.0", exception.Message);
    }

    private sealed class Recorder : IActivationObserver
    {
        public Dictionary<string, (long RowLength, long Rows, long Tokens)> Seen { get; } = [];

        public Dictionary<string, double> Sums { get; } = [];

        public bool Wants(in MatrixProduct product) => product.WeightName.StartsWith("blk.", StringComparison.Ordinal) && product.HasFloatInput;

        public void Observe(in MatrixProduct product)
        {
            Assert.False(product.IsIndirect);
            Seen[product.WeightName] = (product.WeightShape[0], product.WeightShape[1], product.InputShape[1]);
            double sum = 0;
            for (int row = 0; row < product.InputShape[1]; row++)
            {
                foreach (float value in product.InputRow(row, 0, 0))
                    sum += value;
            }
            Sums[product.WeightName] = sum;
        }
    }

    private sealed class Thrower : IActivationObserver
    {
        public bool Wants(in MatrixProduct product) => product.WeightName.StartsWith("blk.", StringComparison.Ordinal);

        public void Observe(in MatrixProduct product) => throw new InvalidTimeZoneException(product.WeightName[..5]);
    }
}
