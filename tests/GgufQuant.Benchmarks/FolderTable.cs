using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.TestKit;
using static System.FormattableString;

namespace GgufQuant.Benchmarks;

/// <summary>A Hugging Face folder converted and quantized, beside a copy of its weights and the way over a GGUF file, in one Markdown table.</summary>
internal static class FolderTable
{
    private const int Rounds = 5;
    private const double CopyBar = 0.8;
    private const double DetourBar = 1 / 1.05;
    private const long MemoryBar = 512L << 20;

    /// <summary>Measures, and writes each row as soon as it is known.</summary>
    /// <param name="output">Receives the table.</param>
    /// <param name="folder">A folder for the files, about 7 GB, preferably on a RAM disk.</param>
    public static void Write(TextWriter output, string folder)
    {
        output.WriteLine("| from the folder | ours, s | compared with | its time, s | ratio | bar | processor, s | its processor, s | memory, MiB | verdict |");
        output.WriteLine("| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |");
        DirectoryInfo work = Directory.CreateDirectory(Path.Combine(folder, $"GgufQuant.Benchmarks.{Environment.ProcessId}"));
        try
        {
            RamDisk.Touch(work.FullName);
            string file = Path.Combine(work.FullName, "model.gguf");
            string model = work.CreateSubdirectory("model").FullName;
            BenchmarkModel.TinyLlama.Write(file, GgmlType.BF16);
            using (GgufFile source = GgufFile.Open(file))
                LlamaFolder.Write(source, model);
            Row(output, work, model, FileType.BF16, FileMaker.Copy, Path.Combine(model, "model.safetensors"), "File.Copy of its weights", CopyBar);
            Row(output, work, model, FileType.Q4_K_M, FileMaker.Ours, file, "Q4_K_M of the BF16 GGUF file", DetourBar);
        }
        finally
        {
            work.Delete(recursive: true);
        }
    }

    private static void Row(TextWriter output, DirectoryInfo work, string model, FileType type, FileMaker other, string otherSource, string otherName, double bar)
    {
        List<FileRun> ours = [];
        List<FileRun> others = [];
        for (int round = 0; round < Rounds; round++)
        {
            others.Add(Start(other, otherSource, work, type));
            ours.Add(Start(FileMaker.Ours, model, work, type));
        }
        FileRun own = Median(ours);
        FileRun its = Median(others);
        double seconds = its.Duration.TotalSeconds;
        double ratio = seconds / own.Duration.TotalSeconds;
        List<string> missed = [];
        if (ratio < bar)
            missed.Add(Invariant($"below {bar:F2}"));
        if (own.PeakBytes > MemoryBar)
            missed.Add(Invariant($"above {MemoryBar >> 20} MiB"));
        output.WriteLine(Invariant(
            $"| {type} | {own.Duration.TotalSeconds:F2} | {otherName} | {seconds:F2} | {ratio:F2} | {bar:F2} | {ProcessorSeconds(own):F2} | {ProcessorSeconds(its):F2} | {own.PeakBytes >> 20} | {(missed.Count == 0 ? "met" : $"missed: {string.Join(", ", missed)}")} |"));
        output.Flush();
    }

    private static FileRun Start(FileMaker maker, string source, DirectoryInfo work, FileType type) =>
        FileRun.Start(maker, source, Path.Combine(work.FullName, "made"), type, Environment.ProcessorCount);

    private static double ProcessorSeconds(FileRun run) => run.CoreUse * run.Duration.TotalSeconds * Environment.ProcessorCount;

    private static FileRun Median(List<FileRun> runs) => runs.OrderBy(run => run.Duration).ElementAt(runs.Count / 2);
}
