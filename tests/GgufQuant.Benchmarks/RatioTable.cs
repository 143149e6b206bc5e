using System.Diagnostics;
using GgufQuant.Formats;
using GgufQuant.Simd;
using static System.FormattableString;

namespace GgufQuant.Benchmarks;

/// <summary>Every kernel's speed as a multiple of the reference's, in one Markdown table.</summary>
/// <remarks>
/// One thread. Ours and the reference alternate on the same rows, so that a busy machine slows both; the medians are
/// compared.
/// </remarks>
internal static class RatioTable
{
    private const int Rounds = 31;
    private const int MostRows = 256;

    // Dequantized data is used at once, before it leaves the caches: half a megabyte.
    private const int DequantizedRows = 32;

    // Short turns: a busy machine takes away whole time slices, and the median then ignores those turns.
    private static readonly TimeSpan s_turn = TimeSpan.FromMilliseconds(40);

    /// <summary>Measures the chosen types, and writes each row as soon as it is known.</summary>
    /// <param name="output">Receives the table.</param>
    /// <param name="isChosen">Whether to measure the type with a name.</param>
    public static void Write(TextWriter output, Func<string, bool> isChosen)
    {
        output.WriteLine("| type | kernel | ours, Mweights/s | reference, Mweights/s | ratio | bound | bar | verdict |");
        output.WriteLine("| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |");
        List<KernelOperation> missed = [];
        foreach (BlockFormat format in BlockFormat.All.Where(format => isChosen(format.Name)))
        {
            foreach (KernelOperation operation in KernelOperation.Of(format))
            {
                output.WriteLine(Measure(operation, out bool isMet));
                if (!isMet)
                    missed.Add(operation);
            }
        }
        // One paragraph for all that the same thing holds back.
        foreach (IGrouping<string?, KernelOperation> group in missed.GroupBy(HeldBack.Explain))
        {
            output.WriteLine();
            output.WriteLine($"Missed by {string.Join(", ", group)}. {group.Key}".TrimEnd());
        }
    }

    private static string Measure(KernelOperation operation, out bool isMet)
    {
        KernelInput sample = new(operation.Format, rows: 8);
        WarmUp(operation, sample);
        double secondsPerRow = Time(() => operation.RunReference(sample)) / 8;
        int rows = operation.Work == KernelWork.Dequantize
            ? DequantizedRows
            : (int)Math.Clamp(s_turn.TotalSeconds / secondsPerRow, 8, MostRows);
        int calls = CallsPerTurn(secondsPerRow * rows);
        int ownCalls = CallsPerTurn(Time(() => operation.Run(sample)) / 8 * rows);
        KernelInput input = new(operation.Format, rows);
        Memory<float> copy = CacheLines.Allocate(input.Weights.Length);

        List<double> ours = [];
        List<double> theirs = [];
        List<double> copies = [];
        List<double> bounds = [];
        double? searched = SearchBound.InstructionsPerWeight(operation, input);
        for (int round = 0; round < Rounds; round++)
        {
            ours.Add(Time(() => operation.Run(input), ownCalls));
            theirs.Add(Time(() => operation.RunReference(input), calls));
            copies.Add(Time(() => input.Weights.CopyTo(copy), calls));
            if (searched is double instructions)
                bounds.Add(SearchBound.Weights(instructions));
        }

        double megaweights = input.Weights.Length / 1e6;
        double ratio = Statistics.Median(theirs) / Statistics.Median(ours);
        // A copy reads and writes four bytes per weight; a kernel reads one side and writes the other.
        double copySpeed = 8.0 * input.Weights.Length / Statistics.Median(copies);
        double share = ((4.0 * input.Weights.Length) + input.Blocks.Length) / Statistics.Median(ours) / copySpeed;
        SpeedBar bar = SpeedBar.Of(operation);
        bool isMemorySpeed = bar.OrMemorySpeed && share >= SpeedBar.MemoryShare;
        isMet = ratio >= bar.Ratio || isMemorySpeed;
        double reference = input.Weights.Length / Statistics.Median(theirs);
        string bound = searched is null ? "" : Invariant($"{Statistics.Median(bounds) / reference:F1}");
        string verdict = !isMet ? "missed"
            : ratio < bar.Ratio ? Invariant($"met: {share:P0} of a memory copy's speed")
            : "met";
        string work = operation.ToString()[(operation.Format.Name.Length + 1)..];
        return Invariant(
            $"| {operation.Format} | {work} | {megaweights / Statistics.Median(ours):F1} | {megaweights / Statistics.Median(theirs):F1} | {ratio:F2} | {bound} | {bar.Ratio:0.##} | {verdict} |");
    }

    private static int CallsPerTurn(double secondsPerCall) => Math.Max(1, (int)(s_turn.TotalSeconds / secondsPerCall));

    // The runtime recompiles a hot method in the background; only the result should be measured.
    private static void WarmUp(KernelOperation operation, KernelInput sample)
    {
        for (int pass = 0; pass < 8; pass++)
        {
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < 40 || Stopwatch.GetElapsedTime(start) < s_turn; i++)
                operation.Run(sample);
            Thread.Sleep(150);
        }
    }

    private static double Time(Action action, int calls = 1)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < calls; i++)
            action();
        return Stopwatch.GetElapsedTime(start).TotalSeconds / calls;
    }
}
