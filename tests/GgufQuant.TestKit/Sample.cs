using System.Text;
using GgufQuant.Evaluation.Perplexity;

namespace GgufQuant.TestKit;

/// <summary>The sample model, 5.8 million weights in F16 and F32 of architecture llama, and the sample texts.</summary>
public static class Sample
{
    public static string Model { get; } = Repository.PathOf("samples", "novels-6m-f16.gguf");

    public static string HeldOut { get; } = CorpusChunks.ReadText(Repository.PathOf("samples", "heldout.txt"));

    public static string Calibration { get; } = CorpusChunks.ReadText(Repository.PathOf("samples", "calibration.txt"));

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
