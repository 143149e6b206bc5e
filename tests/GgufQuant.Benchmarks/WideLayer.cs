using System.Diagnostics;
using System.Globalization;
using GgufQuant.Calibration;
using GgufQuant.Evaluation.Calibration;
using GgufQuant.Formats;
using GgufQuant.IO;

namespace GgufQuant.Benchmarks;

/// <summary>A down projection of 14,336 columns, as in models of eight billion weights, from its inputs to its blocks, on all cores.</summary>
/// <param name="MomentProducts">Multiply-adds per second and core of collecting moments.</param>
/// <param name="FactorSeconds">Processor time to factorize them.</param>
/// <param name="Residual">The largest element of H − N diag(d) Nᵀ in some rows, as a share of the mean diagonal.</param>
/// <param name="Damping">What was added to the diagonal, as a share of its mean.</param>
/// <param name="Weights">Weights rounded.</param>
/// <param name="RoundingSeconds">Processor time to round them.</param>
/// <param name="PeakBytes">The process's peak resident memory.</param>
internal sealed record WideLayer(
    double MomentProducts, double FactorSeconds, double Residual, double Damping, long Weights, double RoundingSeconds, long PeakBytes)
{
    /// <summary>The argument that makes a process measure one.</summary>
    public const string Argument = "--wide-layer";

    /// <summary>Its columns.</summary>
    public const int Columns = 14336;

    private const string Name = "blk.0.ffn_down.weight";

    // Far fewer than columns, so that H has no full rank: only what is added to the diagonal makes it positive definite.
    private const int Positions = 512;
    private const int Evaluations = 4;
    private const int RowsPerThread = 512;
    private const int CheckedRows = 16;

    /// <summary>Multiply-adds that moments of one position take.</summary>
    public static double ProductsPerPosition(double columns) => 0.5 * columns * columns;

    /// <summary>Multiply-adds that factorizing takes.</summary>
    public static double FactorProducts(double columns) => columns * columns * columns / 6;

    /// <summary>Measures in a separate process, whose memory is then that of the layer alone.</summary>
    public static WideLayer Start()
    {
        double[] values = [.. ChildProcess.Run([Argument]).Split(' ').Select(word => double.Parse(word, CultureInfo.InvariantCulture))];
        return new(values[0], values[1], values[2], values[3], (long)values[4], values[5], (long)values[6]);
    }

    /// <summary>The process's work; it prints the measurements.</summary>
    public static void Measure()
    {
        int threads = Environment.ProcessorCount;
        MomentSums sums = new(new(Name, Columns, Columns, [Name]));
        float[] inputs = SyntheticInputs.Make(Columns, Positions);
        TimeSpan start = Environment.CpuUsage.TotalTime;
        for (int evaluation = 0; evaluation < Evaluations; evaluation++)
            sums.Add(inputs, Positions, threads);
        double momentProducts = ProductsPerPosition(Columns) * Positions * Evaluations / SecondsSince(start);
        string file = Path.GetTempFileName();
        try
        {
            InputMoments moments = SyntheticInputs.Moments(file, Name, sums, Columns, tokens: 20 * Columns);
            sums = null!;
            start = Environment.CpuUsage.TotalTime;
            RoundingFactor factor = RoundingFactor.Create(moments, threads, default);
            double factorSeconds = SecondsSince(start);
            float mean = factor.Importance.Average();
            double residual = ResidualOf(factor.Blocks[0]) / mean;

            BlockFormat format = BlockFormat.Of(GgmlType.Q4_K);
            float[] weights = new float[RowsPerThread * Columns];
            Random random = new(14);
            foreach (ref float weight in weights.AsSpan())
                weight = (float)(0.02 * KernelInput.Gaussian(random));
            start = Environment.CpuUsage.TotalTime;
            ParallelLoop.For(threads, threads, _ =>
                new MomentRounder(SegmentRounder.Find(format.Type)!, factor).Quantize(weights, new byte[format.ByteCount(weights.Length)], default), default);
            double roundingSeconds = SecondsSince(start);
            using Process process = Process.GetCurrentProcess();
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"{momentProducts} {factorSeconds} {residual} {factor.DampingOfBlocks[0] / mean} {(long)weights.Length * threads} {roundingSeconds} {process.PeakWorkingSet64}"));
        }
        finally
        {
            File.Delete(file);
        }
    }

    // Processor time, which a busy machine hardly changes.
    private static double SecondsSince(TimeSpan start) => (Environment.CpuUsage.TotalTime - start).TotalSeconds;

    private static double ResidualOf(FeedbackFactor factor)
    {
        int n = factor.Size;
        double[] greatest = new double[CheckedRows];
        ParallelLoop.For(CheckedRows, Environment.ProcessorCount, check =>
        {
            int i = (int)((long)check * n / CheckedRows);
            double[] scaled = new double[n];
            for (int k = i; k < n; k++)
                scaled[k] = (k == i ? 1.0 : factor.Coefficients[((long)i * n) + k]) * factor.Variances[k];
            for (int j = i; j < n; j++)
            {
                double product = scaled[j];
                for (int k = j + 1; k < n; k++)
                    product += scaled[k] * factor.Coefficients[((long)j * n) + k];
                greatest[check] = Math.Max(greatest[check], Math.Abs(product - factor.Moments[((long)i * n) + j]));
            }
        }, default);
        return greatest.Max();
    }
}
