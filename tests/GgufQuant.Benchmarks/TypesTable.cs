using System.Diagnostics;
using GgufQuant.Formats;
using static System.FormattableString;

namespace GgufQuant.Benchmarks;

/// <summary>Several types made in one pass over the source, compared with one after the other, in one Markdown table.</summary>
internal static class TypesTable
{
    /// <summary>The types that most publishers offer.</summary>
    public static readonly IReadOnlyList<FileType> Published =
    [
        FileType.Q2_K, FileType.Q3_K_S, FileType.Q3_K_M, FileType.Q3_K_L, FileType.Q4_K_S, FileType.Q4_K_M, FileType.Q5_K_S, FileType.Q5_K_M, FileType.Q6_K, FileType.Q8_0,
    ];

    private const string DropCaches = "/proc/sys/vm/drop_caches";

    /// <summary>Measures and writes the table.</summary>
    /// <param name="output">Receives the table.</param>
    /// <param name="folder">A folder on a disk for the files, about 10 GB.</param>
    /// <param name="types">The types; without importance matrix.</param>
    public static void Write(TextWriter output, string folder, IReadOnlyList<FileType> types)
    {
        DirectoryInfo work = Directory.CreateDirectory(Path.Combine(folder, $"GgufQuant.Benchmarks.{Environment.ProcessId}"));
        try
        {
            string model = Path.Combine(work.FullName, "model.gguf");
            BenchmarkModel.TinyLlama.Write(model, GgmlType.F16);
            string together = Path.Combine(work.FullName, "together");
            string alone = Path.Combine(work.FullName, "alone");

            bool isCold = TryClearCache();
            FileRun pass = FileRun.Start(FileMaker.Ours, model, together, types, Environment.ProcessorCount);
            TimeSpan sum = TimeSpan.Zero;
            bool isSame = true;
            foreach (FileType type in types)
            {
                isCold &= TryClearCache();
                sum += FileRun.Start(FileMaker.Ours, model, alone, type, Environment.ProcessorCount).Duration;
                string made = FileRun.PathOf(together, type, types.Count);
                isSame &= FileTable.Hash(alone) == FileTable.Hash(made);
                File.Delete(alone);
                File.Delete(made);
            }
            output.WriteLine("| types | one after the other, s | in one pass, s | ratio | memory of the pass, MiB | source | bytes |");
            output.WriteLine("| --- | ---: | ---: | ---: | ---: | --- | --- |");
            output.WriteLine(Invariant(
                $"| {string.Join(", ", types)} | {sum.TotalSeconds:F1} | {pass.Duration.TotalSeconds:F1} | {sum / pass.Duration:F2} | {pass.PeakBytes >> 20} | {(isCold ? "on disk" : "cached")} | {(isSame ? "identical" : "different")} |"));
        }
        finally
        {
            work.Delete(recursive: true);
        }
    }

    // What is not written yet stays in memory, so it is written first.
    private static bool TryClearCache()
    {
        try
        {
            using Process sync = Process.Start("sync");
            sync.WaitForExit();
            File.WriteAllText(DropCaches, "3");
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException or System.ComponentModel.Win32Exception)
        {
            return false;
        }
    }
}
