using System.Buffers;
using GgufQuant.Formats;
using GgufQuant.Pipeline;

namespace GgufQuant.Gpu;

/// <summary>A queue and card memory for one job at a time; the memory grows to the largest job.</summary>
internal sealed unsafe class GpuJob : IDisposable
{
    /// <summary>Work-items per group.</summary>
    internal const int GroupSize = 128;

    /// <summary>Maximum bytes of card memory per weight: a float, its block, a level, and the fits of sixteen.</summary>
    internal const int MaxBytesPerWeight = 8;

    private const int FitsPerSubBlock = 3;

    // The values of the card's fault word at the end; the kernels write nothing else.
    private const int AllIsFinite = 0;
    private const int NotFinite = 1;
    private const int NotCopied = -1;

    private readonly IGpuQueue _queue;
    private readonly DeviceBuffer _source;
    private readonly DeviceBuffer _importance;
    private readonly DeviceBuffer _squares;
    private readonly DeviceBuffer _fits;
    private readonly DeviceBuffer _levels;
    private readonly DeviceBuffer _blocks;
    private readonly DeviceBuffer _fault;

    // Pinned: copies from other memory block in the call, and some drivers spin. Separate words to copy from
    // and to, so that a skipped job is not mistaken for a clean one.
    private readonly IMemoryOwner<byte> _hostFaults;

    /// <exception cref="GpuException">The driver has no queue left, or no memory for transfers.</exception>
    internal GpuJob(IGpuDriver driver)
    {
        _hostFaults = driver.AllocatePinned(2 * sizeof(int));
        try
        {
            _queue = driver.CreateQueue();
        }
        catch (GpuException)
        {
            _hostFaults.Dispose();
            throw;
        }
        _source = new(_queue);
        _importance = new(_queue);
        _squares = new(_queue);
        _fits = new(_queue);
        _levels = new(_queue);
        _blocks = new(_queue);
        _fault = new(_queue);
    }

    /// <summary>Quantizes a job's rows.</summary>
    /// <returns>Whether everything was finite; if not, the processor must find what was not.</returns>
    /// <exception cref="GpuException">The driver reports an error, or the card's memory is full.</exception>
    internal bool Run(KernelPlan plan, QuantizationJob job)
    {
        KernelArguments arguments = Prepare(plan, job);
        using MemoryHandle source = job.Source.Pin();
        using MemoryHandle importance = job.Importance.Pin();
        using MemoryHandle destination = job.Destination.Pin();
        using MemoryHandle pinnedFaults = _hostFaults.Memory.Pin();
        int* before = (int*)pinnedFaults.Pointer;
        int* after = before + 1;
        *before = AllIsFinite;
        *after = NotCopied;
        try
        {
            _queue.Upload(arguments.Fault, before, sizeof(int));
            _queue.Upload(arguments.Source, source.Pointer, job.Source.Length);
            if (arguments.Weighted != 0)
                _queue.Upload(arguments.Importance, importance.Pointer, (long)job.Importance.Length * sizeof(float));
            Launch(plan, job, arguments);
            _queue.Download(destination.Pointer, arguments.Blocks, job.Destination.Length);
            _queue.Download(after, arguments.Fault, sizeof(int));
        }
        finally
        {
            // Commands already queued use the pinned memory until they finish.
            _queue.Wait();
        }
        return *after switch
        {
            AllIsFinite => true,
            NotFinite => false,
            _ => throw new GpuException("The card reported a job as done but did not run it."),
        };
    }

    /// <summary>Repeats the kernels of the previous job on the data it left on the card, for measuring.</summary>
    internal void Repeat(KernelPlan plan, QuantizationJob job)
    {
        Launch(plan, job, Prepare(plan, job));
        _queue.Wait();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (DeviceBuffer buffer in (ReadOnlySpan<DeviceBuffer>)[_source, _importance, _squares, _fits, _levels, _blocks, _fault])
            buffer.Dispose();
        _queue.Dispose();
        _hostFaults.Dispose();
    }

    private KernelArguments Prepare(KernelPlan plan, QuantizationJob job)
    {
        int weights = checked(job.RowLength * job.Rows);
        bool weighted = !job.Importance.IsEmpty && BlockFormat.Of(plan.Type).Importance != ImatrixSupport.Ignored;
        (int sums, _) = plan.Squares(job.RowLength, job.Rows, weighted);
        int subBlocks = weights / plan.SubBlockSize;
        (nint gridMap, nint neighbours) = plan.Grid is { } grid ? _queue.Tables.Of(grid, _queue) : default;
        return new()
        {
            Source = _source.Of(job.Source.Length),
            SourceType = (int)job.SourceType,
            Importance = weighted ? _importance.Of((long)job.Importance.Length * sizeof(float)) : 0,
            Weighted = weighted ? 1 : 0,
            Stride = subBlocks,
            Squares = sums > 0 ? _squares.Of((long)sums * sizeof(float)) : 0,
            Fits = plan.HasSearch ? _fits.Of((long)subBlocks * FitsPerSubBlock * sizeof(float)) : 0,
            Levels = plan.HasSearch ? _levels.Of(weights) : 0,
            GridMap = gridMap,
            Neighbours = neighbours,
            Blocks = _blocks.Of(job.Destination.Length),
            Fault = _fault.Of(sizeof(int)),
        };
    }

    private void Launch(KernelPlan plan, QuantizationJob job, KernelArguments arguments)
    {
        (int sums, int sumLength) = plan.Squares(job.RowLength, job.Rows, arguments.Weighted != 0);
        if (sums > 0)
            _queue.Launch(plan.SumSquares, arguments with { RowLength = sumLength, Items = sums });
        foreach ((Kernel kernel, int items) in plan.Launches(job.RowLength * job.Rows))
            _queue.Launch(kernel, arguments with { RowLength = job.RowLength, Items = items });
    }

    private sealed class DeviceBuffer(IGpuQueue queue) : IDisposable
    {
        private nint _handle;
        private long _size;

        internal nint Of(long bytes)
        {
            if (bytes <= _size)
                return _handle;
            Dispose();
            _handle = queue.Allocate(bytes);
            _size = bytes;
            return _handle;
        }

        public void Dispose()
        {
            if (_size == 0)
                return;
            queue.Free(_handle);
            _size = 0;
        }
    }
}
