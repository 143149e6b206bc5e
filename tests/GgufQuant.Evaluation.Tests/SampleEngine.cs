using GgufQuant.Evaluation.Engines;
using GgufQuant.Formats;

namespace GgufQuant.Evaluation.Tests;

/// <summary>The module's engine, to run the sample with.</summary>
internal static class SampleEngine
{
    /// <summary>Where the build stages the engine.</summary>
    public static string Folder { get; } = Repository.PathOf("module", "engine");

    /// <summary>The engine for the processor.</summary>
    public static EngineLocation Location { get; } = new(
        "Cpu",
        Path.Combine(Folder, "GgufQuant.LLamaSharp.dll"),
        NativeFolders.Cpu(Path.Combine(Folder, "runtimes", NativePlatform.RuntimeIdentifier)) ?? "");

    public static IInferenceEngine Start(Action<LlamaLogLevel, string>? log = null) => PackagedEngine.Start(Location, log);

    public static ILanguageModel Load(string? path = null) => Start().Load(path ?? Sample.Model, new(), TestContext.Current.CancellationToken);

    /// <summary>The quantized model, made once per run.</summary>
    public static string Quantized(string type) => QuantizedSamples.Get(Enum.Parse<FileType>(type));
}
