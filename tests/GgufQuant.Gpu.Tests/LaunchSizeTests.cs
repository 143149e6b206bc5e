using GgufQuant.Formats;
using GgufQuant.Pipeline;

namespace GgufQuant.Gpu.Tests;

/// <summary>No launch takes long, however slow the card.</summary>
public sealed class LaunchSizeTests : IClassFixture<CudaStandIn>
{
    private const int RowLength = 1024;
    private const int Rows = 1024;
    private const int FirstRows = LaunchSize.First / RowLength;

    private readonly CudaStandIn _standIn;

    public LaunchSizeTests(CudaStandIn standIn)
    {
        _standIn = standIn;
        if (standIn.Missing is null)
            standIn.Set(CudaStandIn.Waits.End);
    }

    [Theory]
    [InlineData(0, 3)]
    [InlineData(250, 16)]
    public void A_job_is_cut_by_the_time_that_launches_take(int milliseconds, int launches)
    {
        Assert.SkipWhen(_standIn.Missing is not null, _standIn.Missing ?? "");
        SteppingClock clock = new(TimeSpan.FromMilliseconds(milliseconds));
        using GpuDevice device = new(_standIn.Open(), clock: clock);
        (QuantizationJob work, byte[] expected) = TestJob.Make(GgmlType.Q4_K, [], seed: 1, device.Allocate, Rows);

        Assert.Null(device.Quantize(work, TestContext.Current.CancellationToken));

        Assert.Equal(launches, clock.Readings / 2);
        Assert.Equal(1, device.Share);
        Assert.Equal(expected, work.Destination.ToArray());
    }

    [Fact]
    public void Launches_grow_eightfold_at_most_and_shrink_at_once()
    {
        LaunchSize size = new();
        QuantizationJob job = Job(Rows);
        Assert.Equal(FirstRows, size.RowsOf(job));
        size.Add(Job(FirstRows), TimeSpan.Zero);
        Assert.Equal(8 * FirstRows, size.RowsOf(job));
        size.Add(Job(8 * FirstRows), TimeSpan.FromSeconds(2));
        Assert.Equal(FirstRows, size.RowsOf(job));
        size.Add(Job(1), TimeSpan.FromSeconds(10));
        Assert.Equal(1, size.RowsOf(job));
    }

    [Fact]
    public void The_small_rest_of_a_job_makes_no_launch_smaller()
    {
        LaunchSize size = new();
        size.Add(Job(FirstRows), TimeSpan.Zero);
        size.Add(Job(1), TimeSpan.FromMilliseconds(100));
        Assert.Equal(8 * FirstRows, size.RowsOf(Job(Rows)));
    }

    [Fact]
    public void Types_are_timed_apart_and_with_importance_apart()
    {
        LaunchSize size = new();
        size.Add(Job(FirstRows), TimeSpan.FromSeconds(1));
        Assert.Equal(FirstRows / 4, size.RowsOf(Job(Rows)));
        Assert.Equal(FirstRows, size.RowsOf(Job(Rows) with { TargetType = GgmlType.IQ2_XS }));
        Assert.Equal(FirstRows, size.RowsOf(Job(Rows) with { Importance = new float[RowLength] }));
    }

    private static QuantizationJob Job(int rows) => new(GgmlType.F32, GgmlType.Q4_K, RowLength, rows, default, default, default);

    /// <summary>A clock that goes on by one step with each reading.</summary>
    private sealed class SteppingClock(TimeSpan step) : TimeProvider
    {
        internal int Readings { get; private set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Readings++ * step.Ticks;
    }
}
