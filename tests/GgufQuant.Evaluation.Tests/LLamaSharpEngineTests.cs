using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Evaluation.Tests;

/// <summary>The module's engine, loaded as the module loads it.</summary>
public sealed class LLamaSharpEngineTests : EngineContract
{
    [Fact]
    public void IsLoadedFromOneFolderPerProcess()
    {
        Start();
        using TemporaryFolder folder = new();

        EngineMissingException exception = Assert.Throws<EngineMissingException>(
            () => PackagedEngine.Start(Sample.EngineLocation with { NativesFolder = folder.File("other") }));

        Assert.Contains(Sample.EngineLocation.NativesFolder, exception.Message, StringComparison.Ordinal);
    }

    private protected override IInferenceEngine Start(Action<LlamaLogLevel, string>? log = null) => Sample.StartEngine(log);
}
