using System.Buffers;
using System.Collections.Concurrent;
using GgufQuant.Formats;
using GgufQuant.Pipeline;
using GgufQuant.Planning;

namespace GgufQuant.Gpu;

/// <summary>A graphics card, with the processor for types that the card has no kernel for.</summary>
/// <remarks>
/// A few jobs are on the card at a time, each with its own queue, so that copying, computing and the pipeline's reading
/// and writing overlap. While jobs wait for the card, idle cores start on them. A job with a non-finite weight or scale is
/// repeated on the processor, which reports the weight; so is every job after the card has failed.
/// </remarks>
public sealed class GpuDevice : IQuantizationDevice
{
    /// <summary>Weights per job if memory is not short.</summary>
    internal const int MostWeights = 4 << 20;

    private const int LeastWeights = 64 << 10;

    // Weights that a core quantizes before it checks again whether the card is free.
    private const int SharedWeights = 64 << 10;

    private readonly IGpuDriver _driver;
    private readonly CpuDevice _processor;
    private readonly IReadOnlySet<GgmlType> _types;
    private readonly bool _onlyWhereItGains;
    private readonly Action<string>? _warn;
    private readonly TimeProvider _clock;
    private readonly SemaphoreSlim _free;
    private readonly LaunchSize _launchSize = new();
    private readonly ConcurrentBag<GpuJob> _jobs = [];
    private long _weights;
    private long _processorWeights;
    private int _failed;

    /// <param name="driver">The card; this device takes ownership of it.</param>
    /// <param name="threads">Processor cores to use besides the card; 0 for all.</param>
    /// <param name="types">The types it has been tried with, leaving others to the processor; null for all.</param>
    /// <param name="onlyWhereItGains">Leave types that the processor quantizes at memory speed to the processor.</param>
    /// <param name="warn">Receives one message if the card fails.</param>
    /// <param name="clock">Measures how long jobs take; null for the system's.</param>
    internal GpuDevice(
        IGpuDriver driver, int threads = 0, IReadOnlyCollection<GgmlType>? types = null, bool onlyWhereItGains = false,
        Action<string>? warn = null, TimeProvider? clock = null)
    {
        _driver = driver;
        _clock = clock ?? TimeProvider.System;
        _free = new(driver.Queues);
        _processor = new(threads);
        _types = (types ?? KernelPlan.Types).ToHashSet();
        _onlyWhereItGains = onlyWhereItGains;
        // Other programs may use the card, so half of the free memory is left to them.
        PreferredWeights = (int)Math.Clamp(driver.FreeMemory / 2 / driver.Queues / GpuJob.MaxBytesPerWeight, LeastWeights, MostWeights);
        _warn = warn;
    }

    /// <inheritdoc/>
    public string Name => _driver.Name;

    /// <inheritdoc/>
    public int Parallelism => _driver.Queues + _processor.Parallelism;

    /// <inheritdoc/>
    public int PreferredWeights { get; }

    // A small job leaves most of a card idle; a core works on its share of a large job in pieces.
    /// <inheritdoc/>
    public int PreferredJobs => _driver.Queues;

    /// <summary>Share of the weights so far that the card itself has quantized, 0 to 1.</summary>
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

    /// <summary>Whether the card has a kernel from this source type to this target type.</summary>
    public static bool HasKernel(GgmlType source, GgmlType target) =>
        source is GgmlType.F32 or GgmlType.F16 or GgmlType.BF16 && KernelPlan.Find(target) is not null;

    /// <summary>Whether a card saves more than the second or so that opening it and trying its kernels takes.</summary>
    internal static bool Gains(IEnumerable<QuantizationPlan> plans, int threads)
    {
        int cores = threads > 0 ? threads : Environment.ProcessorCount;
        double seconds = plans.SelectMany(plan => ForCard(plan, onlyWhereItGains: true))
            .Sum(tensor => tensor.Source.ElementCount / (KernelPlan.Find(tensor.Target)!.CoreRate * cores));
        return seconds > 1;
    }

    /// <summary>The types of some plans that the card quantizes.</summary>
    internal static IReadOnlyCollection<GgmlType> TypesOf(IEnumerable<QuantizationPlan> plans, bool onlyWhereItGains) =>
        [.. plans.SelectMany(plan => ForCard(plan, onlyWhereItGains)).Select(tensor => tensor.Target).Distinct()];

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
            // Pageable memory works too; the driver then makes one more copy.
            return _processor.Allocate(bytes);
        }
    }

    /// <inheritdoc/>
    public WeightFault? Quantize(QuantizationJob job, CancellationToken token)
    {
        if (!IsForCard(job))
            return RunOnProcessor(job, 0, job.Rows, token);

        // While the card has no room for the job, an idle core quantizes its first rows.
        int rowsAtOnce = SharedWeights / job.RowLength;
        int done = 0;
        while (!_free.Wait(0, token))
        {
            if (rowsAtOnce == 0 || !_processor.HasIdleCore)
            {
                _free.Wait(token);
                break;
            }
            int rows = Math.Min(rowsAtOnce, job.Rows - done);
            if (RunOnProcessor(job, done, rows, token) is { } fault)
                return fault;
            done += rows;
            if (done == job.Rows)
                return null;
        }

        try
        {
            for (int rows; done < job.Rows; done += rows)
            {
                rows = Math.Min(_launchSize.RowsOf(job), job.Rows - done);
                if (!RunOnCard(job.Slice(done, rows)))
                    break;
            }
        }
        finally
        {
            _free.Release();
        }
        return done == job.Rows ? null : RunOnProcessor(job, done, job.Rows - done, token);
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

    private static IEnumerable<PlannedTensor> ForCard(QuantizationPlan plan, bool onlyWhereItGains) => plan.Tensors.Where(
        tensor => !tensor.IsCopied
            && tensor.Moments is null
            && HasKernel(tensor.Source.Type, tensor.Target)
            && (!onlyWhereItGains || KernelPlan.Gains(tensor.Target, tensor.Importance is not null)));

    private bool IsForCard(QuantizationJob job) =>
        Volatile.Read(ref _failed) == 0
        && job.Factor is null
        && job.Weights <= PreferredWeights
        && HasKernel(job.SourceType, job.TargetType)
        && _types.Contains(job.TargetType)
        && (!_onlyWhereItGains || KernelPlan.Gains(job.TargetType, !job.Importance.IsEmpty));

    private WeightFault? RunOnProcessor(QuantizationJob job, int firstRow, int rows, CancellationToken token)
    {
        QuantizationJob slice = job.Slice(firstRow, rows);
        WeightFault? fault = _processor.Quantize(slice, token);
        Interlocked.Add(ref _processorWeights, slice.Weights);
        return fault is null ? null : fault with { Weight = fault.Weight + ((long)firstRow * job.RowLength) };
    }

    // Whether the card has quantized the job; if not, the processor must.
    private bool RunOnCard(QuantizationJob job)
    {
        if (Volatile.Read(ref _failed) != 0)
            return false;
        GpuJob? running = null;
        try
        {
            if (!_jobs.TryTake(out running))
                running = new GpuJob(_driver);
            long started = _clock.GetTimestamp();
            bool isFinite = running.Run(KernelPlan.Find(job.TargetType)!, job);
            _launchSize.Add(job, _clock.GetElapsedTime(started));
            if (isFinite)
                Interlocked.Add(ref _weights, job.Weights);
            return isFinite;
        }
        catch (GpuException exception)
        {
            if (Interlocked.Exchange(ref _failed, 1) == 0)
                _warn?.Invoke($"'{Name}' failed; the processor continues alone. {exception.Message}");
            return false;
        }
        finally
        {
            if (running is not null)
                _jobs.Add(running);
        }
    }
}
