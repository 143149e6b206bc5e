using System.Collections.Concurrent;
using GgufQuant.Formats;
using GgufQuant.IO;
using GgufQuant.Pipeline;

namespace GgufQuant.Gpu.Tests;

/// <summary>What talks to CUDA's driver, against a stand-in that does nothing until it is waited for.</summary>
public sealed class CudaTests : IClassFixture<CudaStandIn>
{
    // Jobs that the card has room for; the processor would begin one more.
    private const int Queues = 4;

    private readonly CudaStandIn _standIn;

    public CudaTests(CudaStandIn standIn)
    {
        Assert.SkipWhen(standIn.Missing is not null, standIn.Missing ?? "");
        _standIn = standIn;
        _standIn.LimitMemory(1L << 40);
        _standIn.Set(CudaStandIn.Waits.End);
        _standIn.RequirePtx(".version 6.0");
    }

    public static TheoryData<GgmlType> Types => [.. KernelPlan.Types];

    [Theory]
    [MemberData(nameof(Types))]
    public void Every_kernel_runs_to_the_same_bytes(GgmlType type)
    {
        using IGpuDriver driver = _standIn.Open();
        using GpuJob job = new(driver);
        foreach (float[] importance in Importances.Of(type, TestJob.RowLength))
        {
            (QuantizationJob work, byte[] expected) = TestJob.Make(type, importance, seed: 1, driver.AllocatePinned);
            Assert.True(job.Run(KernelPlan.Find(type)!, work));
            Assert.Equal(expected, work.Destination.ToArray());
        }
    }

    [Fact]
    public void A_card_that_reports_work_without_doing_it_leaves_it_to_the_processor()
    {
        List<string> warnings = [];
        using GpuDevice device = new(_standIn.Open(), threads: 1, warn: warnings.Add);
        for (int seed = 1; seed <= 4; seed++)
        {
            (QuantizationJob work, byte[] expected) = TestJob.Make(GgmlType.Q4_K, [], seed, device.Allocate);
            if (seed == 3)
                _standIn.Set(CudaStandIn.Waits.AreLost);
            Assert.Null(device.Quantize(work, TestContext.Current.CancellationToken));
            Assert.Equal(expected, work.Destination.ToArray());
        }
        Assert.Contains("The card reported a job as done but did not run it.", Assert.Single(warnings));
        Assert.Equal(0.5, device.Share);
    }

    [Fact]
    public void Concurrent_jobs_do_not_interfere()
    {
        using GpuDevice device = new(_standIn.Open(), threads: 1);
        ConcurrentBag<(int Seed, byte[] Expected, byte[] Actual)> results = [];
        Parallel.ForEach(
            Enumerable.Range(1, 24),
            new ParallelOptions { MaxDegreeOfParallelism = Queues, CancellationToken = TestContext.Current.CancellationToken },
            seed =>
            {
                GgmlType type = KernelPlan.Types.ElementAt(seed % KernelPlan.Types.Count());
                float[][] importances = Importances.Of(type, TestJob.RowLength);
                (QuantizationJob work, byte[] expected) =
                    TestJob.Make(type, importances[seed % importances.Length], seed, device.Allocate);
                Assert.Null(device.Quantize(work, TestContext.Current.CancellationToken));
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
        (nint GridMap, nint Neighbours) tables = first.Tables.Of(Grid.IQ3_S, first);
        _standIn.LimitMemory(0);
        Assert.Equal(tables, second.Tables.Of(Grid.IQ3_S, second));
        Assert.Throws<GpuException>(() => second.Tables.Of(Grid.IQ3_XXS, second));
    }

    [Fact]
    public void A_card_without_memory_leaves_the_work_to_the_processor_and_says_so_once()
    {
        List<string> warnings = [];
        using GpuDevice device = new(_standIn.Open(), threads: 1, warn: warnings.Add);
        _standIn.LimitMemory(TestJob.RowLength);
        for (int seed = 1; seed <= 3; seed++)
        {
            (QuantizationJob work, byte[] expected) = TestJob.Make(GgmlType.Q6_K, [], seed, device.Allocate);
            Assert.Null(device.Quantize(work, TestContext.Current.CancellationToken));
            Assert.Equal(expected, work.Destination.ToArray());
        }
        string warning = Assert.Single(warnings);
        Assert.Contains("'Stand-in' failed", warning);
        Assert.Contains("out of memory", warning);
        Assert.Equal(0, device.Share);
    }

    [Fact]
    public void A_card_that_is_lost_leaves_the_work_to_the_processor_and_says_so_once()
    {
        List<string> warnings = [];
        using GpuDevice device = new(_standIn.Open(), threads: 1, warn: warnings.Add);
        for (int seed = 1; seed <= 4; seed++)
        {
            (QuantizationJob work, byte[] expected) = TestJob.Make(GgmlType.Q4_K, [], seed, device.Allocate);
            if (seed == 3)
                _standIn.Set(CudaStandIn.Waits.Fail);
            Assert.Null(device.Quantize(work, TestContext.Current.CancellationToken));
            Assert.Equal(expected, work.Destination.ToArray());
        }
        string warning = Assert.Single(warnings);
        Assert.Contains("'Stand-in' failed; the processor continues alone.", warning);
        Assert.Contains("the card is gone (error 719)", warning);
        Assert.Equal(0.5, device.Share);
    }

    [Fact]
    public void Jobs_are_of_the_size_that_the_free_memory_holds()
    {
        using (GpuDevice roomy = new(_standIn.Open(), threads: 1))
            Assert.Equal((4 << 20, Queues), (roomy.PreferredWeights, roomy.PreferredJobs));
        _standIn.LimitMemory(8 << 20);
        using GpuDevice device = new(_standIn.Open(), threads: 1, warn: message => Assert.Fail(message));
        Assert.Equal(128 << 10, device.PreferredWeights);

        int rows = device.PreferredWeights / TestJob.RowLength;
        foreach (int count in (int[])[rows, rows + 1])
        {
            (QuantizationJob work, byte[] expected) = TestJob.Make(GgmlType.Q6_K, [], seed: 1, device.Allocate, count);
            Assert.Null(device.Quantize(work, TestContext.Current.CancellationToken));
            Assert.Equal(expected, work.Destination.ToArray());
        }
        Assert.InRange(device.Share, 0.49, 0.5);
    }

    [Theory]
    [InlineData(".target sm_50")]
    [InlineData(".target sm_75")]
    public void A_driver_of_another_version_gets_kernels_for_it(string line)
    {
        _standIn.RequirePtx(line);
        using IGpuDriver driver = _standIn.Open();
        using GpuJob job = new(driver);
        (QuantizationJob work, byte[] expected) = TestJob.Make(GgmlType.Q4_K, [], seed: 1, driver.AllocatePinned);
        Assert.True(job.Run(KernelPlan.Find(GgmlType.Q4_K)!, work));
        Assert.Equal(expected, work.Destination.ToArray());
    }

    [Fact]
    public void A_driver_that_accepts_no_kernels_is_rejected_with_its_reason()
    {
        _standIn.RequirePtx(".version 99.0");
        using IGpuDriver driver = _standIn.Open();
        GpuException exception = Assert.Throws<GpuException>(() => SelfTest.Run(driver, [GgmlType.Q4_K], token: TestContext.Current.CancellationToken));
        Assert.Equal("CUDA could not compile the kernels for 'Stand-in': the PTX is of another version (error 222).", exception.Message);
    }

    [Fact]
    public void Auto_leaves_memory_bound_types_to_the_processor()
    {
        using GpuDevice device = new(_standIn.Open(), threads: 1, onlyWhereItGains: true);
        foreach (GgmlType type in (GgmlType[])[GgmlType.Q8_0, GgmlType.Q4_0, GgmlType.TQ2_0, GgmlType.MXFP4])
        {
            (QuantizationJob work, _) = TestJob.Make(type, [], seed: 1, device.Allocate);
            Assert.Null(device.Quantize(work, TestContext.Current.CancellationToken));
        }
        Assert.Equal(0, device.Share);
        (QuantizationJob other, _) = TestJob.Make(GgmlType.Q4_0, WeightData.MakeImportance(TestJob.RowLength), seed: 1, device.Allocate);
        Assert.Null(device.Quantize(other, TestContext.Current.CancellationToken));
        Assert.Equal(0.2, device.Share);
    }

    [Fact]
    public void A_type_without_kernels_and_a_weight_that_is_not_finite_go_to_the_processor()
    {
        using GpuDevice device = new(_standIn.Open(), threads: 1);
        Assert.False(GpuDevice.HasKernel(GgmlType.F32, GgmlType.F16));
        (QuantizationJob work, byte[] expected) = TestJob.Make(GgmlType.F16, [], seed: 1, device.Allocate);
        Assert.Null(device.Quantize(work, TestContext.Current.CancellationToken));
        Assert.Equal(expected, work.Destination.ToArray());

        (work, _) = TestJob.Make(GgmlType.Q4_K, [], seed: 1, device.Allocate);
        float[] weights = WeightData.Make("gaussian", TestJob.RowLength * TestJob.Rows);
        weights[5000] = float.NaN;
        byte[] source = System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(weights).ToArray();
        WeightFault? fault = device.Quantize(work with { Source = source }, TestContext.Current.CancellationToken);
        Assert.Equal(new WeightFault(5000, IsInSource: true), fault);
    }

    [Fact]
    public void The_stub_passes_the_self_test()
    {
        using IGpuDriver driver = _standIn.Open();
        Assert.Null(SelfTest.Run(driver, KernelPlan.Types, token: TestContext.Current.CancellationToken));
    }

    [Fact]
    public void The_self_test_reports_each_type_and_can_be_cancelled_between_types()
    {
        using IGpuDriver driver = _standIn.Open();
        using CancellationTokenSource stop = new();
        List<WorkProgress> trials = [];
        Recorder recorder = new(trial =>
        {
            trials.Add(trial);
            if (trials.Count == 2)
                stop.Cancel();
        });
        Assert.Throws<OperationCanceledException>(
            () => SelfTest.Run(driver, [GgmlType.Q8_0, GgmlType.Q6_K, GgmlType.IQ1_S, GgmlType.Q4_K], recorder, stop.Token));
        Assert.Equal([new("Trying q8_0 on Stand-in", 0), new("Trying q6_K on Stand-in", 0.25)], trials);
    }

    [Fact]
    public void A_type_that_was_not_tried_is_left_to_the_processor()
    {
        using GpuDevice device = new(_standIn.Open(), threads: 1, types: [GgmlType.Q6_K]);
        foreach ((GgmlType type, double share) in ((GgmlType, double)[])[(GgmlType.Q4_K, 0), (GgmlType.Q6_K, 0.5)])
        {
            (QuantizationJob work, byte[] expected) = TestJob.Make(type, [], seed: 1, device.Allocate);
            Assert.Null(device.Quantize(work, TestContext.Current.CancellationToken));
            Assert.Equal(expected, work.Destination.ToArray());
            Assert.Equal(share, device.Share);
        }
    }

    [Fact]
    public void A_card_is_listed_with_its_memory()
    {
        _standIn.LimitMemory(24L << 30);
        DeviceCatalog.Candidate candidate = Assert.Single(DeviceCatalog.FindCuda((_standIn.Api, null)));
        Assert.Equal(new ComputeDevice("Cuda:0", ComputeApi.Cuda, "Stand-in", 24L << 30, IsGpu: true, null), candidate.Device);
    }

    private sealed class Recorder(Action<WorkProgress> report) : IProgress<WorkProgress>
    {
        public void Report(WorkProgress value) => report(value);
    }
}
