using System.Runtime.Intrinsics;
using GgufQuant.Formats;
using static System.FormattableString;

namespace GgufQuant.Benchmarks;

/// <summary>Every kernel's speed as a multiple of the reference's, in Markdown tables.</summary>
internal static class RatioTable
{
    // What plain rounding must reach. Only the bars of searches are above it.
    private const double RoundingBar = 2;

    /// <summary>Measures the chosen types, and writes each row as soon as it is known.</summary>
    /// <param name="output">Receives the tables: one for the widest vectors, and one for those of 256 bits, if they are not the widest.</param>
    /// <param name="isChosen">Whether to measure the type with a name.</param>
    public static void Write(TextWriter output, Func<string, bool> isChosen)
    {
        KernelOperation[] operations = [.. BlockFormat.All.Where(format => isChosen(format.Name)).SelectMany(KernelOperation.Of)];
        HashSet<string> explained = [];
        Write(output, operations, Vector512.IsHardwareAccelerated, KernelSpeed.Measure, explained);
        KernelOperation[] searches = [.. operations.Where(operation => SpeedBar.Of(operation, hasAvx512: true).Ratio > RoundingBar)];
        if (!Vector512.IsHardwareAccelerated || searches.Length == 0)
            return;
        output.WriteLine();
        output.WriteLine("""
            ### Without AVX-512

            The kernels with a bar above 2, at vectors of 256 bits: they must reach three fifths of it. Each is measured in a separate
            process, whose runtime does not use AVX-512; the reference is the same. Medians of 11 turns.

            """.ReplaceLineEndings(output.NewLine));
        Write(output, searches, hasAvx512: false, KernelSpeed.MeasureWithoutAvx512, explained);
    }

    private static void Write(
        TextWriter output, KernelOperation[] operations, bool hasAvx512, Func<KernelOperation, KernelSpeed> measure, HashSet<string> explained)
    {
        output.WriteLine("| type | kernel | ours, Mweights/s | reference, Mweights/s | ratio | bound | bar | verdict |");
        output.WriteLine("| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |");
        List<KernelOperation> missed = [];
        foreach (KernelOperation operation in operations)
        {
            output.WriteLine(Row(operation, measure(operation), SpeedBar.Of(operation, hasAvx512), out bool isMet));
            output.Flush();
            if (!isMet)
                missed.Add(operation);
        }
        // One paragraph for all that the same thing holds back.
        foreach (IGrouping<string?, KernelOperation> group in missed.GroupBy(HeldBack.Explain))
        {
            string? reason = group.Key is null || explained.Add(group.Key) ? group.Key : "The reason is the same as above.";
            output.WriteLine();
            output.WriteLine($"Missed by {string.Join(", ", group)}. {reason}".TrimEnd());
        }
    }

    private static string Row(KernelOperation operation, KernelSpeed speed, SpeedBar bar, out bool isMet)
    {
        bool isMemorySpeed = bar.OrMemorySpeed && speed.CopyShare >= SpeedBar.MemoryShare;
        isMet = speed.Ratio >= bar.Ratio || isMemorySpeed;
        string bound = speed.Bound is double most ? Invariant($"{most / speed.Reference:F1}") : "";
        string verdict = !isMet ? "missed"
            : speed.Ratio < bar.Ratio ? Invariant($"met: {speed.CopyShare:P0} of a memory copy's speed")
            : "met";
        string work = operation.ToString()[(operation.Format.Name.Length + 1)..];
        return Invariant(
            $"| {operation.Format} | {work} | {speed.Ours / 1e6:F1} | {speed.Reference / 1e6:F1} | {speed.Ratio:F2} | {bound} | {bar.Ratio:0.##} | {verdict} |");
    }
}
