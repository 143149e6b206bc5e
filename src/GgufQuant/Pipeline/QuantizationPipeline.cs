using System.Collections.Concurrent;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Planning;

namespace GgufQuant.Pipeline;

/// <summary>One pass of <see cref="Quantizer"/> over the source: the threads that read chunks, have them quantized and write them.</summary>
/// <remarks>
/// A chunk is read once. The thread that has it makes one type of it after another, each type once for all files that hold
/// it, so memory does not grow with the number of files.
/// </remarks>
internal sealed class QuantizationPipeline
{
    // Reads from the system's cache of files are faster.
    private const double SlowBytesPerSecond = 3e9;

    // Before so much has been read, a few reads that happened to be interrupted would look like a disk.
    private const long LeastBytes = 64 << 20;

    private readonly GgufFile _source;
    private readonly IReadOnlyList<OutputFiles> _outputs;
    private readonly IQuantizationDevice _device;
    private readonly WeightProgress _progress;
    private readonly CancellationToken _token;
    private readonly ChunkSize _size;
    private readonly RoundingFactors _factors;
    private readonly WriteQueue _writes;
    private readonly ConcurrentQueue<TensorSlot> _complete = [];

    private readonly Lock _lock = new();
    private readonly ManualResetEventSlim _spareThreadsRun = new();
    private IEnumerator<Chunk>? _chunks;
    private long _readingTicks;
    private long _repeatedReadingTicks;
    private long _repeatedReadBytes;
    private long _quantizingTicks;
    private long _writingTicks;

    /// <param name="outputs">The open files, of plans of one source.</param>
    /// <param name="device">What quantizes.</param>
    /// <param name="bufferBudget">Bytes of memory for buffers; as many again may go to the factors of moments.</param>
    /// <param name="progress">Counts the weights.</param>
    /// <param name="token">Cancels the work.</param>
    internal QuantizationPipeline(
        IReadOnlyList<OutputFiles> outputs, IQuantizationDevice device, long bufferBudget, WeightProgress progress, CancellationToken token)
    {
        _source = outputs[0].Plan.Source;
        _outputs = outputs;
        _device = device;
        _progress = progress;
        _token = token;
        _size = ChunkSize.For([.. outputs.SelectMany(output => output.Plan.Tensors)], device, bufferBudget);
        _factors = new(bufferBudget, device.Parallelism);
        _writes = new(_size.Waiting);
    }

    /// <summary>An earlier file with some of the tensors.</summary>
    internal GgufFile? Reuse { get; init; }

    /// <summary>What the times are measured with.</summary>
    internal required TimeProvider Clock { get; init; }

    /// <summary>The time spent so far, over all threads together.</summary>
    internal WorkTimes Times => new(
        Clock.GetElapsedTime(0, _readingTicks), Clock.GetElapsedTime(0, _quantizingTicks), Clock.GetElapsedTime(0, _writingTicks));

    /// <summary>Writes every tensor's data, except to files that fail.</summary>
    /// <exception cref="OperationCanceledException">The token was signalled while there were files left to write.</exception>
    internal void Run()
    {
        using BufferPool sources = new(_device);
        using BufferPool targets = new(_device);
        using IEnumerator<Chunk> chunks = Chunks.Of(TensorWork.Of(_outputs), _size.Weights).GetEnumerator();
        _chunks = chunks;
        Thread[] threads = new Thread[_size.Threads];
        for (int i = 0; i < threads.Length; i++)
        {
            bool isSpare = i >= threads.Length - _size.Spare;
            threads[i] = new Thread(() => Work(sources, targets, isSpare)) { IsBackground = true, Name = $"GgufQuant {i}" };
            threads[i].Start();
        }
        foreach (Thread thread in threads)
            thread.Join();
        // What was completed last may not be recorded yet.
        Work(sources, targets, isSpare: false);
        if (!HaveAllFailed)
            _token.ThrowIfCancellationRequested();
    }

    private bool HaveAllFailed => _outputs.All(output => output.Failure is not null);

    private void Work(BufferPool sources, BufferPool targets, bool isSpare)
    {
        if (isSpare)
            _spareThreadsRun.Wait();
        while (Step(sources, targets))
            ;
        // Nothing is left to do, so that they end.
        _spareThreadsRun.Set();
    }

    private bool Step(BufferPool sources, BufferPool targets)
    {
        Chunk? chunk = null;
        try
        {
            if (_complete.TryDequeue(out TensorSlot? complete))
            {
                OutputFiles.Try([complete.Output], () => complete.Output.Record(complete.Index, _token), _token);
                return true;
            }
            OutputFiles.Try(_outputs, () => chunk = Next(), _token);
            if (chunk is not null)
                Convert(chunk, sources, targets);
        }
        catch (OperationCanceledException) when (_token.IsCancellationRequested)
        {
            return false;
        }
        return chunk is not null;
    }

    // Chunks are taken in order, so once those in progress finish, the first that failed is known, for any thread count.
    private Chunk? Next()
    {
        lock (_lock)
            return !HaveAllFailed && !_token.IsCancellationRequested && _chunks!.MoveNext() ? _chunks.Current : null;
    }

    private void Convert(Chunk chunk, BufferPool sources, BufferPool targets)
    {
        PooledBuffer? source = null;
        Try([.. chunk.Work.Conversions.Where(conversion => conversion.Earlier is null).SelectMany(Wanting)], chunk, () => source = Read(chunk, sources));
        foreach (Conversion conversion in chunk.Work.Conversions)
        {
            PooledBuffer? blocks = null;
            Try(Wanting(conversion), chunk, () => blocks = BlocksOf(conversion, chunk, source, targets));
            foreach (TensorSlot slot in Wanting(conversion))
                Write(slot, conversion, chunk, blocks!);
            blocks?.Release();
            _progress.Add(conversion.Tensor.Name, (long)chunk.Weights * conversion.Slots.Count);
        }
        source?.Release();

        TensorSlot[] Wanting(Conversion conversion) => [.. conversion.Slots.Where(slot => slot.Output.Wants(chunk.Number))];
    }

    private void Try(TensorSlot[] slots, Chunk chunk, Action work) => OutputFiles.Try([.. slots.Select(slot => slot.Output)], work, _token, chunk.Number);

    private PooledBuffer Read(Chunk chunk, BufferPool sources)
    {
        PooledBuffer source = sources.Rent(chunk.SourceBytes);
        long start = Clock.GetTimestamp();
        _source.Read(chunk.Work.Source, chunk.SourceOffset, source.Memory.Span);
        AddTime(ref _readingTicks, start);
        // The first read into memory waits for the system to provide its pages, which may take longer than the read.
        if (!source.IsNew)
        {
            AddTime(ref _repeatedReadingTicks, start);
            long bytes = Interlocked.Add(ref _repeatedReadBytes, chunk.SourceBytes);
            if (bytes >= LeastBytes && bytes < SlowBytesPerSecond * Clock.GetElapsedTime(0, _repeatedReadingTicks).TotalSeconds)
                _spareThreadsRun.Set();
        }
        return source;
    }

    // For the caller to release.
    private PooledBuffer BlocksOf(Conversion conversion, Chunk chunk, PooledBuffer? source, BufferPool targets)
    {
        if (conversion.Earlier is { } earlier)
        {
            PooledBuffer same = targets.Rent(chunk.BytesOf(conversion));
            Reuse!.Read(earlier, chunk.OffsetOf(conversion), same.Memory.Span);
            Check(conversion, chunk, same.Memory);
            return same;
        }
        PooledBuffer blocks;
        long start = Clock.GetTimestamp();
        if (conversion.Tensor.IsCopied)
        {
            blocks = source!;
            Check(conversion, chunk, blocks.Memory);
            blocks.Hold();
        }
        else
        {
            blocks = targets.Rent(chunk.BytesOf(conversion));
            Quantize(conversion, chunk, source!.Memory, blocks.Memory);
        }
        AddTime(ref _quantizingTicks, start);
        return blocks;
    }

    private void Write(TensorSlot slot, Conversion conversion, Chunk chunk, PooledBuffer blocks)
    {
        blocks.Hold();
        _writes.Add(() =>
        {
            if (slot.Output.Wants(chunk.Number) && !_token.IsCancellationRequested)
                Try([slot], chunk, () => WriteNow(slot, conversion, chunk, blocks.Memory.Span));
            blocks.Release();
        });
    }

    private void WriteNow(TensorSlot slot, Conversion conversion, Chunk chunk, ReadOnlySpan<byte> blocks)
    {
        long start = Clock.GetTimestamp();
        if (slot.Output.Write(slot.Index, chunk.OffsetOf(conversion), blocks, chunk.Weights))
            _complete.Enqueue(slot);
        AddTime(ref _writingTicks, start);
    }

    private void AddTime(ref long ticks, long start) => Interlocked.Add(ref ticks, Clock.GetTimestamp() - start);

    private static void Check(Conversion conversion, Chunk chunk, Memory<byte> bytes)
    {
        BlockFormat format = conversion.Tensor.Format;
        long invalid = BlockValidation.FindInvalid(format, bytes.Span);
        if (invalid >= 0)
            throw Unquantizable(conversion.Tensor, chunk, bytes, new WeightFault(invalid * format.BlockSize, IsInSource: true));
    }

    private void Quantize(Conversion conversion, Chunk chunk, Memory<byte> source, Memory<byte> target)
    {
        PlannedTensor tensor = conversion.Tensor;
        QuantizationJob job = new(tensor.Source.Type, tensor.Target, chunk.RowLength, chunk.Rows, chunk.ImportanceOf(conversion), source, target);
        WeightFault? fault;
        if (tensor.Moments is { } moments)
        {
            using RoundingFactors.Lease lease = _factors.Rent(moments.OfMatrix(chunk.Matrix), _token);
            fault = _device.Quantize(job with { Factor = lease.Factor }, _token);
        }
        else
        {
            fault = _device.Quantize(job, _token);
        }
        if (fault is not null)
            throw Unquantizable(tensor, chunk, source, fault);
    }

    private static QuantizationException Unquantizable(PlannedTensor tensor, Chunk chunk, Memory<byte> source, WeightFault fault)
    {
        long weight = chunk.FirstWeight + fault.Weight;
        string position = $"row {weight / tensor.Source.RowLength}, column {weight % tensor.Source.RowLength} (zero-based)";
        if (!fault.IsInSource)
            return new QuantizationException($"Tensor '{tensor.Name}' has weights too large for {tensor.Format}, starting at {position}.");

        BlockFormat format = tensor.Source.Format;
        if (format.IsQuantized)
            return new QuantizationException($"Tensor '{tensor.Name}' in the source is damaged: the {format} block at {position} has a non-finite scale.");
        float[] value = new float[1];
        format.Dequantize(source.Span.Slice((int)format.ByteCount(fault.Weight), format.BlockBytes), value);
        return new QuantizationException(string.Create(
            System.Globalization.CultureInfo.InvariantCulture,
            $"Tensor '{tensor.Name}' in the source contains {value[0]} at {position}. The model is damaged and was not quantized."));
    }
}
