using BenchmarkDotNet.Attributes;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using GgufQuant.Formats;

namespace GgufQuant.Benchmarks;

/// <summary>Every type's kernels compared with the reference's, on 64 rows of 4,096 weights and one thread.</summary>
public class KernelBenchmarks
{
    private const int Rows = 64;

    private KernelInput _input = null!;

    // In process: the reference library is located from the repository's root, which a generated project does not know.
    public static IConfig Configuration { get; } =
        DefaultConfig.Instance.AddJob(Job.ShortRun.WithToolchain(InProcessEmitToolchain.Instance));

    public static IEnumerable<KernelOperation> Operations =>
        from format in BlockFormat.All
        from operation in KernelOperation.Of(format)
        select operation;

    [ParamsSource(nameof(Operations))]
    public KernelOperation Operation { get; set; } = null!;

    [GlobalSetup]
    public void Prepare() => _input = new(Operation.Format, Rows);

    [Benchmark(Baseline = true)]
    public void Reference() => Operation.RunReference(_input);

    [Benchmark]
    public void Kernel() => Operation.Run(_input);
}
