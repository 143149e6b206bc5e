using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Gpu;
using GgufQuant.Pipeline;
using GgufQuant.Planning;

namespace GgufQuant.GpuCheck;

/// <summary>The user's model, quantized by the card and by the processor.</summary>
internal static class WholeFile
{
    /// <returns>The number of files that differ.</returns>
    internal static int Run(Func<GpuDevice> open, string path)
    {
        int differing = 0;
        Console.WriteLine($"\nWhole file '{Path.GetFileName(path)}':\n");
        Console.WriteLine("| type | card | its share of the weights | processor | |");
        Console.WriteLine("| --- | --- | --- | --- | --- |");
        string folder = Directory.CreateTempSubdirectory("GgufQuant").FullName;
        try
        {
            using GgufFile source = GgufFile.Open(path);
            foreach (FileType type in (ReadOnlySpan<FileType>)[FileType.Q4_K_M, FileType.Q2_K, FileType.IQ4_XS, FileType.Q8_0])
            {
                QuantizationPlan plan = QuantizationPlan.Create(source, type, new());
                string fromCard = Path.Combine(folder, "card.gguf");
                string fromProcessor = Path.Combine(folder, "processor.gguf");
                using GpuDevice card = open();
                QuantizationResult made = new Quantizer(new QuantizerOptions { Device = card }).Run(plan, fromCard, overwrite: true);
                QuantizationResult expected = new Quantizer().Run(plan, fromProcessor, overwrite: true);
                bool isSame = HasSameBytes(fromCard, fromProcessor);
                differing += isSame ? 0 : 1;
                string verdict = isSame ? "same bytes" : "DIFFERENT BYTES";
                Console.WriteLine($"| {type} | {made.Duration.TotalSeconds:F2} s | {card.Share:P0} | {expected.Duration.TotalSeconds:F2} s | {verdict} |");
            }
            return differing;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static bool HasSameBytes(string first, string second)
    {
        using FileStream one = File.OpenRead(first);
        using FileStream other = File.OpenRead(second);
        return one.Length == other.Length
            && System.Security.Cryptography.SHA256.HashData(one).AsSpan().SequenceEqual(System.Security.Cryptography.SHA256.HashData(other));
    }
}
