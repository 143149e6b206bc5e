using GgufQuant.Gguf;
using GgufQuant.Gpu;
using GgufQuant.Planning;
using GgufQuant.Quantization;

namespace GgufQuant.GpuCheck;

/// <summary>A model of the user's, quantized by the card and by the processor.</summary>
internal static class WholeFile
{
    internal static void Run(string device, string path)
    {
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
                using GpuDevice card = (GpuDevice)DeviceCatalog.Open(device, warn: Console.WriteLine);
                QuantizationResult made = new Quantizer(new QuantizerOptions { Device = card }).Run(plan, fromCard, overwrite: true);
                QuantizationResult expected = new Quantizer().Run(plan, fromProcessor, overwrite: true);
                string verdict = HasSameBytes(fromCard, fromProcessor) ? "same bytes" : "DIFFERENT BYTES";
                Console.WriteLine($"| {type} | {made.Duration.TotalSeconds:F2} s | {card.Share:P0} | {expected.Duration.TotalSeconds:F2} s | {verdict} |");
            }
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
