using System.Buffers;
using System.Collections.Concurrent;
using System.Diagnostics;
using GgufQuant.Formats;
using GgufQuant.Quantization;

namespace GgufQuant.Gpu;

/// <summary>A graphics card, with the processor beside it for what the card has no kernel for.</summary>
/// <remarks>
/// A few jobs are on the card at a time, each with a queue of its own, so that copying, computing and the pipeline's
/// reading and writing overlap. A job that meets a weight or a scale that is not finite is done again on the processor,
/// which names the weight; so is every job after the card has failed.
/// </remarks>
public sealed class GpuDevice : IQuantizationDevice
{
    private const int Queues = 4;

    private readonly IGpuDriver _driver;
    private readonly CpuDevice _processor;
    private readonly bool _onlyWhereItGains;
    private readonly Action<string>? _warn;
    private readonly SemaphoreSlim _free = new(Queues);
    private readonly ConcurrentBag<GpuJob> _jobs = [];
    private long _busyTicks;
    private long _weights;
    private long _processorWeights;
    private int _failed;

    /// <param name="driver">The card; it belongs to this device from now on.</param>
    /// <param name="threads">Processor cores to use beside it; 0 for all.</param>
    /// <param name="onlyWhereItGains">Leave to the processor the types that it makes as fast as memory allows.</param>
    /// <param name="warn">Is told once when the card fails.</param>
    internal GpuDevice(IGpuDriver driver, int threads = 0, bool onlyWhereItGains = false, Action<string>? warn = null)
    {
        _driver = driver;
        _processor = new(threads);
        _onlyWhereItGains = onlyWhereItGains;
        _warn = warn;
    }

    /// <inheritdoc/>
    public string Name => _driver.Name;

    /// <inheritdoc/>
    public int Parallelism => Queues + _processor.Parallelism;

    /// <inheritdoc/>
    public int PreferredWeights => 4 << 20;

    /// <inheritdoc/>
    public TimeSpan BusyTime => Stopwatch.GetElapsedTime(0, Interlocked.Read(ref _busyTicks)) + _processor.BusyTime;

    /// <summary>The share of the weights so far, from 0 to 1, that the card itself has done.</summary>
    public double Share
    {
        get
        {
            double done = Interlocked.Read(ref _weights);
            return done == 0 ? 0 : done / (done + Interlocked.Read(ref _processorWeights));
        }
    }

    /// <inheritdoc/>
    public bool CanQuantize(GgmlType source, GgmlType target) => _processor.CanQuantize(source, target);

    /// <summary>Whether the card itself makes this type out of that one.</summary>
    public static bool HasKernel(GgmlType source, GgmlType target) =>
        source is GgmlType.F32 or GgmlType.F16 or GgmlType.BF16 && KernelPlan.Find(target) is not null;

    /// <inheritdoc/>
    public IMemoryOwner<byte> Allocate(int bytes)
    {
        if (Volatile.Read(ref _failed) != 0)
            return _processor.Allocate(bytes);
        try
        {
            return _driver.AllocatePinned(bytes);
        }
        catch (GpuException)
        {
            // Any memory will do; the driver then copies once more.
            return _processor.Allocate(bytes);
        }
    }

    /// <inheritdoc/>
    public async Task<WeightFault?> QuantizeAsync(QuantizationJob job, CancellationToken token)
    {
        long weights = (long)job.RowLength * job.Rows;
        if (IsForCard(job) && await RunOnCardAsync(job, token).ConfigureAwait(false))
        {
            Interlocked.Add(ref _weights, weights);
            return null;
        }
        WeightFault? fault = await _processor.QuantizeAsync(job, token).ConfigureAwait(false);
        Interlocked.Add(ref _processorWeights, weights);
        return fault;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (GpuJob job in _jobs)
            job.Dispose();
        _driver.Dispose();
        _processor.Dispose();
        _free.Dispose();
    }

    private bool IsForCard(QuantizationJob job) =>
        Volatile.Read(ref _failed) == 0
        && HasKernel(job.SourceType, job.TargetType)
        && (!_onlyWhereItGains || KernelPlan.Gains(job.TargetType, !job.Importance.IsEmpty));

    // Whether the card has made the blocks; false where the processor has to.
    private async Task<bool> RunOnCardAsync(QuantizationJob job, CancellationToken token)
    {
        await _free.WaitAsync(token).ConfigureAwait(false);
        GpuJob? running = null;
        try
        {
            if (!_jobs.TryTake(out running))
                running = new GpuJob(_driver.CreateQueue());
            long start = Stopwatch.GetTimestamp();
            bool finite = running.Run(KernelPlan.Find(job.TargetType)!, job);
            Interlocked.Add(ref _busyTicks, Stopwatch.GetTimestamp() - start);
            return finite;
        }
        catch (GpuException exception)
        {
            if (Interlocked.Exchange(ref _failed, 1) == 0)
                _warn?.Invoke($"'{Name}' has failed and the processor goes on alone. {exception.Message}");
            return false;
        }
        finally
        {
            if (running is not null)
                _jobs.Add(running);
            _free.Release();
        }
    }
}
