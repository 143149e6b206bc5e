using System.Runtime.InteropServices;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Formats;
using GgufQuant.Reference.Evaluation;

namespace GgufQuant.Reference.Tests;

/// <summary>llama.cpp v0.5.0, which the module's engine is compared with, does what that engine must.</summary>
public sealed class LlamaEngineTests : EngineContract
{
    protected override IInferenceEngine Start(Action<LlamaLogLevel, string>? log = null)
    {
        LlamaEngine engine = StartReference();
        LlamaEngine.Log = log;
        return engine;
    }

    /// <summary>The engine; skips the test where its libraries are missing.</summary>
    internal static LlamaEngine StartReference()
    {
        Assert.SkipWhen(ReferenceBuild.Npm.UnavailableReason is not null, ReferenceBuild.Npm.UnavailableReason ?? "");
        return LlamaEngine.Start(ReferenceBuild.Npm.Folder);
    }

    [Fact]
    public void It_shares_its_libraries_with_the_reference_bindings()
    {
        StartReference();

        (string? name, long blockSize, _, _, _) = ReferenceCodec.Describe(GgmlType.Q8_0);

        Assert.Equal(("q8_0", 32L), (name, blockSize));
    }

    [Fact]
    public void A_missing_library_is_an_error()
    {
        LlamaEngine engine = StartReference();
        using TemporaryFolder folder = new();

        EngineMissingException exception = Assert.Throws<EngineMissingException>(() => LlamaEngine.Start(folder.File("none")));

        Assert.Contains(engine.Folder, exception.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(AlteredLlama.Model, nameof(ModelParameters.GpuLayers))]
    [InlineData(AlteredLlama.Model, nameof(ModelParameters.SplitMode))]
    [InlineData(AlteredLlama.Model, nameof(ModelParameters.UseExtraBuffers))]
    [InlineData(AlteredLlama.Context, nameof(ContextParameters.ContextLength))]
    [InlineData(AlteredLlama.Context, nameof(ContextParameters.YarnBetaFast))]
    [InlineData(AlteredLlama.Context, nameof(ContextParameters.ValueType))]
    [InlineData(AlteredLlama.Context, nameof(ContextParameters.OffloadCache))]
    public void A_library_with_different_defaults_is_rejected(string function, string field)
    {
        Type structure = function == AlteredLlama.Model ? typeof(ModelParameters) : typeof(ContextParameters);
        using ForeignLibrary foreign = new(function, (int)Marshal.OffsetOf(structure, field));

        (string type, string message) = foreign.Start()!.Value;

        Assert.Equal(nameof(EngineVersionException), type);
        Assert.Equal(
            $"The libraries in '{foreign.Path}' are not llama.cpp v0.5.0: '{function}' does not behave as expected. They are not used, since every call would be garbage.",
            message);
    }

    [Fact]
    public void A_library_without_a_function_is_rejected()
    {
        using ForeignLibrary foreign = new(leftOut: "llama_memory_clear");

        (string type, string message) = foreign.Start()!.Value;

        Assert.Equal(nameof(EngineVersionException), type);
        Assert.Contains("'llama_memory_clear' is not there", message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_library_with_the_same_defaults_is_accepted()
    {
        using ForeignLibrary foreign = new();

        Assert.Null(foreign.Start());
    }
}
