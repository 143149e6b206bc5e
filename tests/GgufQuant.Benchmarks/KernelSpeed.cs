using System.Diagnostics;
using System.Runtime.Intrinsics;
using GgufQuant.Formats;
using GgufQuant.Simd;
using static System.FormattableString;

namespace GgufQuant.Benchmarks;

/// <summary>How fast a kernel is, and the reference's; in weights per second, on one thread.</summary>
/// <remarks>Both alternate on the same rows, so that a busy machine slows both; the medians count.</remarks>
/// <param name="Ours">Our kernel's speed.</param>
/// <param name="Reference">The reference's.</param>
/// <param name="CopyShare">The share of a memory copy's speed at which ours moves bytes.</param>
/// <param name="Bound">The speed of a search's arithmetic alone; null for kernels without a search.</param>
internal sealed record KernelSpeed(double Ours, double Reference, double CopyShare, double? Bound)
{
    /// <summary>The argument that makes a process measure one kernel without AVX-512.</summary>
    public const string Argument = "--kernel-without-avx512";

    private const int Rounds = 31;

    // An odd number, as few as keep the medians steady.
    private const int RoundsWithoutAvx512 = 11;

    private const int MostRows = 256;

    // Dequantized data is used at once, before it leaves the caches: half a megabyte.
    private const int DequantizedRows = 32;

    private static readonly Dictionary<string, string> s_withoutAvx512 = new() { ["DOTNET_EnableAVX512"] = "0" };

    // Short turns: a busy machine takes away whole time slices, and the median then ignores those turns.
    private static readonly TimeSpan s_turn = TimeSpan.FromMilliseconds(40);

    /// <summary>The multiple of the reference's speed.</summary>
    public double Ratio => Ours / Reference;

    /// <summary>Measures a kernel at the widest vectors of this process.</summary>
    public static KernelSpeed Measure(KernelOperation operation) => Measure(operation, Rounds);

    /// <summary>Measures a kernel in a separate process, which has vectors of 256 bits at most.</summary>
    /// <exception cref="InvalidOperationException">The process failed.</exception>
    public static KernelSpeed MeasureWithoutAvx512(KernelOperation operation)
    {
        double[] values = ChildProcess.Measure([Argument, operation.Format.Name, $"{operation.Work}"], s_withoutAvx512);
        return new(values[0], values[1], values[2], values.Length > 3 ? values[3] : null);
    }

    /// <summary>That process's work; it prints the measurements, the bound last if there is one.</summary>
    /// <param name="type">The type's name.</param>
    /// <param name="work">What the kernel does.</param>
    /// <exception cref="InvalidOperationException">The process has AVX-512.</exception>
    public static void MeasureThis(string type, string work)
    {
        if (Vector512.IsHardwareAccelerated)
            throw new InvalidOperationException("The runtime still uses AVX-512.");
        KernelOperation operation = new(BlockFormat.All.Single(format => format.Name == type), Enum.Parse<KernelWork>(work));
        KernelSpeed speed = Measure(operation, RoundsWithoutAvx512);
        Console.WriteLine(Invariant($"{speed.Ours} {speed.Reference} {speed.CopyShare} {speed.Bound}"));
    }

    private static KernelSpeed Measure(KernelOperation operation, int rounds)
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
        for (int round = 0; round < rounds; round++)
        {
            ours.Add(Time(() => operation.Run(input), ownCalls));
            theirs.Add(Time(() => operation.RunReference(input), calls));
            copies.Add(Time(() => input.Weights.CopyTo(copy), calls));
            if (searched is double instructions)
                bounds.Add(SearchBound.Weights(instructions));
        }

        double own = Statistics.Median(ours);
        // A copy reads and writes four bytes per weight; a kernel reads one side and writes the other.
        double copySpeed = 8.0 * input.Weights.Length / Statistics.Median(copies);
        return new(
            input.Weights.Length / own,
            input.Weights.Length / Statistics.Median(theirs),
            ((4.0 * input.Weights.Length) + input.Blocks.Length) / own / copySpeed,
            searched is null ? null : Statistics.Median(bounds));
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
