using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.LlamaCpp;
using GgufQuant.Reference;

namespace GgufQuant.Evaluation.Tests;

/// <summary>The engine to run the sample with.</summary>
internal static partial class Sample
{
    /// <summary>The engine; skips the test where its libraries are missing.</summary>
    public static LlamaEngine StartEngine()
    {
        Assert.SkipWhen(ReferenceLibrary.Missing is not null, ReferenceLibrary.Missing ?? "");
        return LlamaEngine.Start(ReferenceLibrary.Folder);
    }

    public static ILanguageModel Load(string? path = null) => StartEngine().Load(path ?? Model, new(), TestContext.Current.CancellationToken);

    /// <summary>The model quantized by llama.cpp itself, made once a run.</summary>
    public static string Quantized(string type) => QuantizedSamples.Get(type);
}
