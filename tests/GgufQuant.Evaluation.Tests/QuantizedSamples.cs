using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Pipeline;
using GgufQuant.Planning;

namespace GgufQuant.Evaluation.Tests;

/// <summary>The sample model in other types, deleted with the process.</summary>
internal static class QuantizedSamples
{
    private static readonly TemporaryFolder s_folder = new();

    static QuantizedSamples() => AppDomain.CurrentDomain.ProcessExit += (_, _) => s_folder.Dispose();

    public static string Get(FileType type)
    {
        lock (s_folder)
        {
            string path = s_folder.File(type + ".gguf");
            if (!File.Exists(path))
            {
                using GgufFile source = GgufFile.Open(Sample.Model);
                new Quantizer().Run(QuantizationPlan.Create(source, type), path, overwrite: false, null, TestContext.Current.CancellationToken);
            }
            return path;
        }
    }
}
