using GgufQuant.Evaluation.Engines;
using GgufQuant.Formats;

namespace GgufQuant.Evaluation.Tests;

/// <summary>The module's engine, to run the sample with.</summary>
internal static partial class Sample
{
    /// <summary>Where the build stages the engine.</summary>
    public static string EngineFolder { get; } = Path.Combine(RepositoryRoot, "module", "engine");

    /// <summary>The engine for the processor.</summary>
    public static EngineLocation EngineLocation { get; } = new(
        "Cpu",
        Path.Combine(EngineFolder, "GgufQuant.LLamaSharp.dll"),
        NativeFolders.Cpu(Path.Combine(EngineFolder, "runtimes", NativePlatform.RuntimeIdentifier)) ?? "");

    public static IInferenceEngine StartEngine(Action<LlamaLogLevel, string>? log = null) => PackagedEngine.Start(EngineLocation, log);

    public static ILanguageModel Load(string? path = null) => StartEngine().Load(path ?? Model, new(), TestContext.Current.CancellationToken);

    /// <summary>The quantized model, made once per run.</summary>
    public static string Quantized(string type) => QuantizedSamples.Get(Enum.Parse<FileType>(type));
}
