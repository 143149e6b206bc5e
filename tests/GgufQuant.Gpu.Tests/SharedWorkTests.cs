using GgufQuant.Formats;
using GgufQuant.Pipeline;

namespace GgufQuant.Gpu.Tests;

/// <summary>Card and processor at once: jobs that would wait for the card are begun by a core that would be idle.</summary>
public sealed class SharedWorkTests : IClassFixture<CudaStandIn>
{
    private const int Queues = 4;
    private const int ManyRows = 1024;

    private readonly CudaStandIn _standIn;

    public SharedWorkTests(CudaStandIn standIn)
    {
        Assert.SkipWhen(standIn.Missing is not null, standIn.Missing ?? "");
        _standIn = standIn;
        _standIn.Set(CudaStandIn.Waits.End);
    }

    [Fact]
    public async Task A_job_that_finds_the_card_busy_runs_on_the_processor()
    {
        using GpuDevice device = new(_standIn.Open(), threads: 1);
        Task[] onCard = Occupy(device);
        (QuantizationJob work, byte[] expected) = TestJob.Make(GgmlType.Q4_K, [], seed: 1, device.Allocate);
        Assert.Null(device.Quantize(work, TestContext.Current.CancellationToken));
        Assert.Equal(expected, work.Destination.ToArray());
        Assert.Equal(Queues, _standIn.Waiting);
        Assert.Equal(0, device.Share);
        _standIn.Set(CudaStandIn.Waits.End);
        await Task.WhenAll(onCard);
        Assert.Equal(Queues / (Queues + 1.0), device.Share);
    }

    [Fact]
    public async Task A_job_that_the_processor_has_started_is_finished_by_the_card()
    {
        using GpuDevice device = new(_standIn.Open(), threads: 1);
        float[] importance = WeightData.MakeImportance(TestJob.RowLength);
        Task[] onCard = Occupy(device);
        (QuantizationJob work, byte[] expected) = TestJob.Make(GgmlType.Q2_K, importance, seed: 1, device.Allocate, ManyRows);
        Task<WeightFault?> shared = RunAlone(device, work);
        FreeTheCardOnceTheProcessorIsAt(work);
        Assert.Null(await shared);
        await Task.WhenAll(onCard);
        Assert.Equal(expected, work.Destination.ToArray());

        double alone = (double)Queues * TestJob.Rows / (ManyRows + (Queues * TestJob.Rows));
        Assert.InRange(device.Share, alone + 0.01, 0.999);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(500)]
    [InlineData(ManyRows - 1)]
    public async Task A_weight_that_is_not_finite_is_found_in_either_share(int row)
    {
        using GpuDevice device = new(_standIn.Open(), threads: 1);
        Task[] onCard = Occupy(device);
        (QuantizationJob work, _) = TestJob.Make(GgmlType.Q2_K, [], seed: 1, device.Allocate, ManyRows);
        long weight = ((long)row * TestJob.RowLength) + 7;
        byte[] source = work.Source.ToArray();
        BitConverter.TryWriteBytes(source.AsSpan((int)weight * sizeof(float)), float.NaN);
        Task<WeightFault?> shared = RunAlone(device, work with { Source = source });
        if (row > 0)
            FreeTheCardOnceTheProcessorIsAt(work);
        Assert.Equal(new WeightFault(weight, IsInSource: true), await shared);
        _standIn.Set(CudaStandIn.Waits.End);
        await Task.WhenAll(onCard);
    }

    // Gives each of the card's queues a job that it does not end.
    private Task[] Occupy(GpuDevice device)
    {
        _standIn.Set(CudaStandIn.Waits.Last);
        Task[] jobs =
        [
            .. Enumerable.Range(1, Queues)
                .Select(seed => TestJob.Make(GgmlType.Q8_0, [], seed, device.Allocate).Work)
                .Select(work => RunAlone(device, work)),
        ];
        WaitUntil(() => _standIn.Waiting == Queues);
        return jobs;
    }

    private void FreeTheCardOnceTheProcessorIsAt(QuantizationJob work)
    {
        WaitUntil(() => work.Destination.Span[..1024].ContainsAnyExcept((byte)0));
        _standIn.Set(CudaStandIn.Waits.End);
    }

    private static void WaitUntil(Func<bool> condition) => Assert.True(SpinWait.SpinUntil(condition, TimeSpan.FromSeconds(30)));

    private static Task<WeightFault?> RunAlone(GpuDevice device, QuantizationJob work) => Task.Factory.StartNew(
        () => device.Quantize(work, TestContext.Current.CancellationToken),
        TestContext.Current.CancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
}
