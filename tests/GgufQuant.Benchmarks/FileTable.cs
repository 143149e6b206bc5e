using System.Security.Cryptography;
using GgufQuant.Formats;
using static System.FormattableString;

namespace GgufQuant.Benchmarks;

/// <summary>Whole files compared with <c>llama_model_quantize</c>, with the same number of threads, in one Markdown table.</summary>
internal static class FileTable
{
    private const int Rounds = 3;

    // Runs of about a second vary more.
    private const int CopyRounds = 7;
    private const double CopyBar = 1.1;
    private const long MemoryBar = 512L << 20;

    // The factor over the reference's speed that each must reach; none if only a copy's time counts.
    private static readonly (FileType Type, double? Bar)[] s_types =
    [
        (FileType.Q4_K_M, 9), (FileType.Q5_K_M, 9), (FileType.Q3_K_M, 9), (FileType.Q2_K, 9), (FileType.IQ4_XS, 10), (FileType.Q8_0, 2),
    ];

    // From F16 alone, since the reference takes minutes for each.
    private static readonly (FileType Type, double? Bar)[] s_slowTypes = [(FileType.IQ2_XS, 10), (FileType.IQ3_M, 10)];

    /// <summary>Measures, and writes each row as soon as it is known.</summary>
    /// <param name="output">Receives the table.</param>
    /// <param name="folder">A folder for the files, about 6 GB, preferably on a RAM disk.</param>
    /// <param name="isWanted">Chooses types by name.</param>
    public static void Write(TextWriter output, string folder, Predicate<string> isWanted)
    {
        output.WriteLine("| source | type | ours, s | reference, s | ratio | bar | copy of the source, s | cores' share | memory, MiB | reference memory, MiB | bytes | verdict |");
        output.WriteLine("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- | --- |");
        bool anySlowCopy = false;
        bool anySlowKernel = false;
        DirectoryInfo work = Directory.CreateDirectory(Path.Combine(folder, $"GgufQuant.Benchmarks.{Environment.ProcessId}"));
        try
        {
            RamDisk.Touch(work.FullName);
            foreach ((GgmlType source, FileType same) in new[] { (GgmlType.F16, FileType.F16), (GgmlType.BF16, FileType.BF16) })
            {
                IEnumerable<(FileType Type, double? Bar)> types = [.. s_types, .. source == GgmlType.F16 ? s_slowTypes : [], (same, null)];
                string model = Path.Combine(work.FullName, "model.gguf");
                BenchmarkModel.TinyLlama.Write(model, source);
                foreach ((FileType type, double? bar) in types.Where(row => isWanted($"{row.Type}")))
                {
                    output.WriteLine(Measure(source, model, type, bar, work.FullName, out bool isSlowCopy, out bool isSlowKernel));
                    output.Flush();
                    anySlowCopy |= isSlowCopy;
                    anySlowKernel |= isSlowKernel;
                }
                File.Delete(model);
            }
        }
        finally
        {
            work.Delete(recursive: true);
        }
        if (anySlowKernel)
        {
            output.WriteLine();
            output.WriteLine($"Missed against the reference. {HeldBack.Files}");
        }
        if (anySlowCopy)
        {
            output.WriteLine();
            output.WriteLine($"Missed against a copy. {HeldBack.Copies}");
        }
    }

    private static string Measure(GgmlType source, string model, FileType type, double? bar, string folder, out bool isSlowCopy, out bool isSlowKernel)
    {
        string ours = Path.Combine(folder, "ours.gguf");
        string theirs = Path.Combine(folder, "theirs.gguf");
        // If hardly anything is computed, moving the files' bytes is all there is.
        bool isCopyLike = bar is null or 2;
        List<FileRun> runs = [];
        List<FileRun> copies = [];
        for (int round = 0; round < (isCopyLike ? CopyRounds : Rounds); round++)
        {
            if (isCopyLike)
                copies.Add(Start(FileMaker.Copy, model, theirs, type));
            runs.Add(Start(FileMaker.Ours, model, ours, type));
        }
        FileRun own = Median(runs);
        FileRun reference = Start(FileMaker.Reference, model, theirs, type);
        bool isSame = Hash(ours) == Hash(theirs);
        File.Delete(ours);
        File.Delete(theirs);

        double seconds = own.Duration.TotalSeconds;
        double ratio = reference.Duration.TotalSeconds / seconds;
        List<string> missed = [];
        isSlowKernel = ratio < bar;
        if (isSlowKernel)
            missed.Add(Invariant($"below {bar}×"));
        double? copy = isCopyLike ? Median(copies).Duration.TotalSeconds : null;
        isSlowCopy = seconds > CopyBar * copy;
        if (isSlowCopy)
            missed.Add(Invariant($"{seconds / copy:F2} times a copy's time"));
        if (own.PeakBytes > MemoryBar)
            missed.Add(Invariant($"above {MemoryBar >> 20} MiB"));
        string verdict = missed.Count == 0 ? "met" : $"missed: {string.Join(", ", missed)}";
        return Invariant(
            $"| {BlockFormat.Of(source).Name} | {type} | {seconds:F2} | {reference.Duration.TotalSeconds:F2} | {ratio:F2} | {bar} | {copy:F2} | {own.CoreUse:P0} | {own.PeakBytes >> 20} | {reference.PeakBytes >> 20} | {(isSame ? "identical" : "different")} | {verdict} |");
    }

    private static FileRun Start(FileMaker maker, string model, string destination, FileType type) =>
        FileRun.Start(maker, model, destination, type, Environment.ProcessorCount);

    private static FileRun Median(List<FileRun> runs) => runs.OrderBy(run => run.Duration).ElementAt(runs.Count / 2);

    internal static string Hash(string path)
    {
        using FileStream file = File.OpenRead(path);
        return Convert.ToHexString(SHA256.HashData(file));
    }
}
