using GgufQuant.Calibration;
using GgufQuant.Evaluation.Calibration;
using GgufQuant.Formats;
using static System.FormattableString;

namespace GgufQuant.Benchmarks;

/// <summary>The speed of rounding with moments, of collecting them and of factorizing them, in Markdown tables.</summary>
internal static class RoundingTable
{
    private const int Columns = 4096;
    private const int Rows = 64;
    private const int Positions = 512;
    private const int Turns = 5;
    private const double Bar = 1;

    /// <summary>Measures rows of 4,096 and of 14,336 weights, estimates large models from them, and measures memory.</summary>
    /// <param name="output">Receives the tables.</param>
    /// <param name="folder">A folder for large files.</param>
    public static void WriteAll(TextWriter output, string folder)
    {
        (double moments, double speed) = Write(output, _ => true);
        WideLayer wide = WideLayer.Start();
        output.WriteLine();
        output.WriteLine(Invariant($"A down projection of {WideLayer.Columns:N0} columns, in processor time of all threads: moments {2e-9 * wide.MomentProducts:F0} GFLOP/s per core; factorized in"));
        output.WriteLine(Invariant($"{wide.FactorSeconds:F1} s in single precision, with {wide.Damping:P0} of the mean diagonal added and an error of {wide.Residual:E1} of it at most (16 rows);"));
        output.WriteLine(Invariant($"{wide.Weights:N0} weights rounded to Q4_K at {wide.Weights / wide.RoundingSeconds / 1e6:F2} Mweights/s and core; {wide.PeakBytes >> 20} MiB of memory at most."));
        output.WriteLine();
        output.WriteLine("Estimated from these for 16 cores, if all of them are as fast: the engine's passes over the text come on top.");
        output.WriteLine();
        new RoundingEstimate(
            Math.Min(moments, wide.MomentProducts), WideLayer.FactorProducts(WideLayer.Columns) / wide.FactorSeconds, speed, wide.Weights / wide.RoundingSeconds).Write(output);
        output.WriteLine();
        RoundingMemory.Write(output, folder);
    }

    /// <summary>Measures the chosen types, and writes each row as soon as it is known.</summary>
    /// <param name="output">Receives the table.</param>
    /// <param name="isChosen">Whether to measure the type with a name.</param>
    /// <returns>Multiply-adds per second of collecting moments, and the middle of the types' weights per second.</returns>
    public static (double Moments, double Speed) Write(TextWriter output, Func<string, bool> isChosen)
    {
        List<double> speeds = [];
        MomentSums sums = new(new("blk.0.attn_q.weight", Columns, Columns, ["blk.0.attn_q.weight"]));
        float[] inputs = SyntheticInputs.Make(Columns, Positions);
        (double adding, double peak) = Measure(() => sums.Add(inputs, Positions, 1));
        double products = 0.5 * Columns * (Columns + 1) * Positions;
        output.WriteLine("| work | Mweights/s | bar | multiply-adds per weight | GFLOP/s | share of the core's peak | verdict |");
        output.WriteLine("| --- | ---: | ---: | ---: | ---: | ---: | --- |");
        output.WriteLine(Invariant($"| moments of {Columns:N0} columns |  |  |  | {2e-9 * products / adding:F1} | {products / adding / peak:P0} |  |"));
        RoundingFactor factor = FactorOf(sums);
        foreach (BlockFormat format in BlockFormat.All.Where(format => MomentRounder.CanRound(format.Type) && isChosen(format.Name)))
        {
            output.WriteLine(Measure(format, factor, out double speed));
            output.Flush();
            speeds.Add(speed);
        }
        return (products / adding, 1e6 * Statistics.Median(speeds));
    }

    private static RoundingFactor FactorOf(MomentSums sums)
    {
        string file = Path.GetTempFileName();
        try
        {
            return RoundingFactor.Create(SyntheticInputs.Moments(file, "blk.0.attn_q.weight", sums, Columns, 20 * Columns), 1, default);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static string Measure(BlockFormat format, RoundingFactor factor, out double speed)
    {
        KernelInput input = new(format, Rows);
        SegmentRounder rounder = SegmentRounder.Find(format.Type)!;
        CountingRounder counter = new(rounder);
        byte[] blocks = new byte[input.Blocks.Length];
        new MomentRounder(counter, factor).Quantize(input.Weights.Span, blocks, default);
        double weights = input.Weights.Length;
        // Feeding errors forward takes half of a square of products, the descent's start a whole one.
        double products = ((Columns - 1) / 2.0) + Columns + (counter.Changes / weights * Columns);
        MomentRounder measured = new(rounder, factor);
        (double seconds, double peak) = Measure(() => measured.Quantize(input.Weights.Span, blocks, default));
        speed = weights / seconds / 1e6;
        return Invariant(
            $"| {format} | {speed:F2} | {Bar} | {products:N0} | {2e-3 * products * speed:F1} | {1e6 * products * speed / peak:P0} | {(speed >= Bar ? "met" : "missed")} |");
    }

    // Processor time, which a busy machine hardly changes.
    private static (double Seconds, double Peak) Measure(Action work)
    {
        // The runtime recompiles a hot method in the background; only the result should be measured.
        for (int pass = 0; pass < 3; pass++)
        {
            work();
            Thread.Sleep(150);
        }
        List<double> seconds = [];
        List<double> peaks = [];
        for (int turn = 0; turn < Turns; turn++)
        {
            peaks.Add(MultiplyAddPeak.Measure());
            TimeSpan start = Environment.CpuUsage.TotalTime;
            work();
            seconds.Add((Environment.CpuUsage.TotalTime - start).TotalSeconds);
        }
        return (Statistics.Median(seconds), Statistics.Median(peaks));
    }
}
