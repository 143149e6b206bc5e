using System.Reflection;
using System.Text;
using GgufQuant.Llama.Quality;
using GgufQuant.Reference;

namespace GgufQuant.Llama.Tests;

/// <summary>The sample model and texts, and the engine to run them with.</summary>
internal static class Sample
{
    private static readonly string s_folder = Path.Combine(
        typeof(Sample).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().First(attribute => attribute.Key == "RepositoryRoot").Value!,
        "samples");

    public static string Model { get; } = Path.Combine(s_folder, "novels-6m-f16.gguf");

    public static string HeldOut { get; } = CorpusChunks.ReadText(Path.Combine(s_folder, "heldout.txt"));

    public static string Calibration { get; } = CorpusChunks.ReadText(Path.Combine(s_folder, "calibration.txt"));

    /// <summary>The engine; skips the test where its libraries are missing.</summary>
    public static LlamaEngine StartEngine()
    {
        Assert.SkipWhen(ReferenceLibrary.Missing is not null, ReferenceLibrary.Missing ?? "");
        return LlamaEngine.Start(ReferenceLibrary.Folder);
    }

    public static ILanguageModel Load(string? path = null) => StartEngine().Load(path ?? Model, new(), TestContext.Current.CancellationToken);

    /// <summary>The model quantized by llama.cpp itself, made once a run.</summary>
    public static string Quantized(string type) => QuantizedSamples.Get(type);

    /// <summary>A copy of the model with the first occurrence of some bytes replaced by as many others.</summary>
    public static string Patched(TemporaryFolder folder, string from, string to)
    {
        byte[] bytes = File.ReadAllBytes(Model);
        byte[] pattern = Encoding.UTF8.GetBytes(from);
        byte[] replacement = Encoding.UTF8.GetBytes(to);
        Assert.Equal(pattern.Length, replacement.Length);
        int at = bytes.AsSpan().IndexOf(pattern);
        Assert.True(at >= 0);
        replacement.CopyTo(bytes, at);
        string path = folder.File("patched.gguf");
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
