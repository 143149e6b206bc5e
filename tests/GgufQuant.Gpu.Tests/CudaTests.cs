using System.Buffers;
using System.Collections.Concurrent;
using GgufQuant.Formats;
using GgufQuant.Quantization;
using GgufQuant.Tests.Formats;

namespace GgufQuant.Gpu.Tests;

/// <summary>What talks to CUDA's driver, against a stand-in that does nothing until it is waited for.</summary>
public sealed class CudaTests : IClassFixture<CudaStandIn>
{
    private const int RowLength = 1024;
    private const int Rows = 8;

    private readonly CudaStandIn _standIn;

    public CudaTests(CudaStandIn standIn)
    {
        Assert.SkipWhen(standIn.Missing is not null, standIn.Missing ?? "");
        _standIn = standIn;
        _standIn.LimitMemory(1L << 40);
    }

    public static TheoryData<GgmlType> Types => [.. KernelPlan.Types];

    [Theory]
    [MemberData(nameof(Types))]
    public void Every_kernel_runs_to_the_same_bytes(GgmlType type)
    {
        using IGpuDriver driver = _standIn.Open();
        using GpuJob job = new(driver.CreateQueue());
        foreach (float[] importance in Importances.Of(type, RowLength))
        {
            (QuantizationJob work, byte[] expected) = Work(type, importance, seed: 1, driver);
            Assert.True(job.Run(KernelPlan.Find(type)!, work));
            Assert.Equal(expected, work.Destination.ToArray());
        }
    }

    [Fact]
    public void A_wait_that_is_dropped_shows_in_the_bytes()
    {
        using IGpuDriver driver = _standIn.Open();
        using GpuJob job = new(new NeverWaiting(driver.CreateQueue()));
        (QuantizationJob work, byte[] expected) = Work(GgmlType.Q4_K, [], seed: 1, driver);
        job.Run(KernelPlan.Find(GgmlType.Q4_K)!, work);
        Assert.NotEqual(expected, work.Destination.ToArray());
    }

    [Fact]
    public async Task Many_jobs_at_once_keep_apart()
    {
        using GpuDevice device = new(_standIn.Open(), threads: 1);
        ConcurrentBag<(int Seed, byte[] Expected, byte[] Actual)> results = [];
        await Parallel.ForEachAsync(
            Enumerable.Range(1, 24),
            new ParallelOptions { MaxDegreeOfParallelism = 6, CancellationToken = TestContext.Current.CancellationToken },
            async (seed, token) =>
            {
                GgmlType type = KernelPlan.Types.ElementAt(seed % KernelPlan.Types.Count());
                float[][] importances = Importances.Of(type, RowLength);
                (QuantizationJob work, byte[] expected) = Work(type, importances[seed % importances.Length], seed, device);
                Assert.Null(await device.QuantizeAsync(work, token));
                results.Add((seed, expected, work.Destination.ToArray()));
            });
        Assert.All(results, result => Assert.Equal(result.Expected, result.Actual));
        Assert.Equal(1, device.Share);
    }

    [Fact]
    public void A_table_is_on_the_card_once_for_all_queues()
    {
        using IGpuDriver driver = _standIn.Open();
        using IGpuQueue first = driver.CreateQueue();
        using IGpuQueue second = driver.CreateQueue();
        (nint Places, nint Neighbours) tables = first.Tables.Of(Lattice.IQ3_S, first);
        _standIn.LimitMemory(0);
        Assert.Equal(tables, second.Tables.Of(Lattice.IQ3_S, second));
        Assert.Throws<GpuException>(() => second.Tables.Of(Lattice.IQ3_XXS, second));
    }

    [Fact]
    public async Task A_card_without_memory_leaves_the_work_to_the_processor_and_says_so_once()
    {
        List<string> warnings = [];
        using GpuDevice device = new(_standIn.Open(), threads: 1, warn: warnings.Add);
        _standIn.LimitMemory(RowLength);
        for (int seed = 1; seed <= 3; seed++)
        {
            (QuantizationJob work, byte[] expected) = Work(GgmlType.Q6_K, [], seed, device);
            Assert.Null(await device.QuantizeAsync(work, TestContext.Current.CancellationToken));
            Assert.Equal(expected, work.Destination.ToArray());
        }
        string warning = Assert.Single(warnings);
        Assert.Contains("'Stand-in' has failed", warning);
        Assert.Contains("out of memory", warning);
        Assert.Equal(0, device.Share);
    }

    [Fact]
    public async Task A_type_without_kernels_and_a_weight_that_is_not_finite_go_to_the_processor()
    {
        using GpuDevice device = new(_standIn.Open(), threads: 1);
        Assert.False(GpuDevice.HasKernel(GgmlType.F32, GgmlType.F16));
        (QuantizationJob work, byte[] expected) = Work(GgmlType.F16, [], seed: 1, device);
        Assert.Null(await device.QuantizeAsync(work, TestContext.Current.CancellationToken));
        Assert.Equal(expected, work.Destination.ToArray());

        (work, _) = Work(GgmlType.Q4_K, [], seed: 1, device);
        float[] weights = WeightData.Make("gaussian", RowLength * Rows);
        weights[5000] = float.NaN;
        byte[] source = System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(weights).ToArray();
        WeightFault? fault = await device.QuantizeAsync(work with { Source = source }, TestContext.Current.CancellationToken);
        Assert.Equal(new WeightFault(5000, IsInSource: true), fault);
    }

    [Fact]
    public void The_stand_in_passes_the_self_test()
    {
        using IGpuDriver driver = _standIn.Open();
        Assert.Null(SelfTest.Run(driver));
    }

    [Fact]
    public void A_card_is_listed_with_its_memory()
    {
        _standIn.LimitMemory(24L << 30);
        DeviceCatalog.Candidate candidate = Assert.Single(DeviceCatalog.FindCuda((_standIn.Api, null)));
        Assert.Equal(new ComputeDevice("Cuda:0", ComputeApi.Cuda, "Stand-in", 24L << 30, IsGpu: true, null), candidate.Device);
    }

    private static (QuantizationJob Work, byte[] Expected) Work(GgmlType type, float[] importance, int seed, IGpuDriver driver) =>
        Work(type, importance, seed, driver.AllocatePinned);

    private static (QuantizationJob Work, byte[] Expected) Work(GgmlType type, float[] importance, int seed, IQuantizationDevice device) =>
        Work(type, importance, seed, device.Allocate);

    // The buffers live until the process ends: a stand-in that was never waited for may still write to them.
    private static (QuantizationJob Work, byte[] Expected) Work(
        GgmlType type, float[] importance, int seed, Func<int, IMemoryOwner<byte>> allocate)
    {
        float[] weights = WeightData.Make("gaussian", RowLength * Rows, seed);
        BlockFormat format = BlockFormat.Of(type);
        byte[] expected = new byte[format.ByteCount(weights.Length)];
        format.Quantize(weights, RowLength, importance, expected);
        Memory<byte> source = allocate(weights.Length * sizeof(float)).Memory[..(weights.Length * sizeof(float))];
        System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(weights).CopyTo(source.Span);
        Memory<byte> destination = allocate(expected.Length).Memory[..expected.Length];
        destination.Span.Clear();
        return (new(GgmlType.F32, type, RowLength, Rows, importance, source, destination), expected);
    }

    /// <summary>A queue whose waits are lost.</summary>
    private sealed unsafe class NeverWaiting(IGpuQueue queue) : IGpuQueue
    {
        public KernelTables Tables => queue.Tables;

        public nint Allocate(long bytes) => queue.Allocate(bytes);

        // Nothing has run yet, so nothing may be given back.
        public void Free(nint buffer)
        {
        }

        public void Upload(nint buffer, void* source, long bytes) => queue.Upload(buffer, source, bytes);

        public void Download(void* destination, nint buffer, long bytes)
        {
            // The word on the caller's stack will be gone when the stand-in writes to it.
            if (bytes > sizeof(int))
                queue.Download(destination, buffer, bytes);
        }

        public void Launch(string kernel, KernelArguments arguments) => queue.Launch(kernel, arguments);

        public void Wait()
        {
        }

        public void Dispose()
        {
        }
    }
}
