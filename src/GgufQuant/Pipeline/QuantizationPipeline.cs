using System.Buffers;
using System.Diagnostics;
using System.Runtime.ExceptionServices;
using System.Security.Cryptography;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Planning;

namespace GgufQuant.Pipeline;

/// <summary>One run of <see cref="Quantizer"/>: the threads that read, hand over and write chunks.</summary>
internal sealed class QuantizationPipeline
{
    private static readonly TimeSpan s_reportInterval = TimeSpan.FromMilliseconds(100);

    private readonly QuantizationPlan _plan;
    private readonly IQuantizationDevice _device;
    private readonly IReadOnlyList<AtomicFile> _files;
    private readonly IProgress<WorkProgress>? _progress;
    private readonly CancellationToken _token;
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly int _chunkWeights;
    private readonly int _threads;
    private readonly RoundingFactors _factors;

    private readonly long[] _weightsLeft;
    private readonly Lock _lock = new();
    private IEnumerator<Chunk>? _chunks;
    private (long Chunk, ExceptionDispatchInfo Exception)? _failure;
    private long _weightsDone;
    private long _lastReport;
    private long _readingTicks;
    private long _quantizingTicks;
    private long _writingTicks;

    /// <param name="plan">The plan.</param>
    /// <param name="device">What quantizes.</param>
    /// <param name="files">The files.</param>
    /// <param name="bufferBudget">Bytes of memory for buffers; as many again may go to the factors of moments.</param>
    /// <param name="progress">Receives progress.</param>
    /// <param name="token">Cancels the work.</param>
    /// <exception cref="QuantizationException">The budget is too small.</exception>
    internal QuantizationPipeline(
        QuantizationPlan plan, IQuantizationDevice device, IReadOnlyList<AtomicFile> files, long bufferBudget,
        IProgress<WorkProgress>? progress, CancellationToken token)
    {
        _plan = plan;
        _device = device;
        _files = files;
        _progress = progress;
        _token = token;
        _weightsLeft = [.. plan.Tensors.Select(tensor => tensor.Source.ElementCount)];
        (_chunkWeights, _threads) = Divide(plan, device, bufferBudget);
        RoundingBudget.Check(plan.Tensors.Select(tensor => tensor.Moments), 2 * bufferBudget);
        _factors = new(bufferBudget, device.Parallelism);
    }

    /// <summary>An earlier file with some of the tensors.</summary>
    internal GgufFile? Reuse { get; init; }

    /// <summary>The tensors to take from it, by index in the plan.</summary>
    internal IReadOnlyDictionary<int, GgufTensor> Reused { get; init; } = new Dictionary<int, GgufTensor>();

    /// <summary>Knows which tensors are already in the file, and records each one completed.</summary>
    internal ResumeJournal? Journal { get; init; }

    /// <summary>The time spent so far, over all threads together.</summary>
    internal WorkTimes Times => new(
        Stopwatch.GetElapsedTime(0, _readingTicks), Stopwatch.GetElapsedTime(0, _quantizingTicks), Stopwatch.GetElapsedTime(0, _writingTicks));

    /// <summary>Writes every tensor's data; returns the indices of those already in the file.</summary>
    internal IReadOnlySet<int> Run()
    {
        HashSet<int> finished = Journal is null ? [] : FindFinished(Journal);
        using IEnumerator<Chunk> chunks = Chunks.Of(_plan, _chunkWeights, finished).GetEnumerator();
        _chunks = chunks;
        Thread[] threads = new Thread[_threads];
        for (int i = 0; i < threads.Length; i++)
        {
            threads[i] = new Thread(Work) { IsBackground = true, Name = $"GgufQuant {i}" };
            threads[i].Start();
        }
        foreach (Thread thread in threads)
            thread.Join();

        _failure?.Exception.Throw();
        _token.ThrowIfCancellationRequested();
        if (_plan.Tensors.Count > 0)
            _progress?.Report(Progress(_plan.Tensors[^1]));
        return finished;
    }

    private static (int ChunkWeights, int Threads) Divide(QuantizationPlan plan, IQuantizationDevice device, long budget)
    {
        const int SmallestChunk = 16 * 1024;
        double bytesPerWeight = plan.Tensors.Select(BytesPerWeight).DefaultIfEmpty(0).Max();
        long most = (long)(budget / Math.Max(1, bytesPerWeight));
        // Some formats weight whole rows once importance is given, so such rows are never cut.
        long longestRow = plan.Tensors.Where(tensor => tensor.Importance is not null || tensor.Moments is not null).Select(tensor => tensor.Source.RowLength).DefaultIfEmpty(0).Max();
        if (longestRow > most)
            throw new QuantizationException($"Rows of {longestRow:N0} weights do not fit the memory budget: raise the budget, or omit the importance matrix.");
        long weights = Math.Max(longestRow, Math.Clamp(most / ThreadsFor(device.PreferredJobs), SmallestChunk, device.PreferredWeights));
        return ((int)weights, (int)Math.Clamp(most / weights, 1, ThreadsFor(device.Parallelism)));
    }

    // Twice the number of jobs that run on the device, so that it stays busy while other threads wait for the disk.
    private static int ThreadsFor(int jobs) => jobs + Math.Max(2, jobs);

    // Source, blocks, and the floats between them; copied data stays where it was read to.
    private static double BytesPerWeight(PlannedTensor tensor) => tensor.IsCopied
        ? tensor.Source.Format.BitsPerWeight / 8
        : ((tensor.Source.Format.BitsPerWeight + tensor.Format.BitsPerWeight) / 8) + sizeof(float);

    private void Work()
    {
        Buffer source = new(_device);
        Buffer target = new(_device);
        try
        {
            while (Step(source, target))
                ;
        }
        finally
        {
            source.Dispose();
            target.Dispose();
        }
    }

    private bool Step(Buffer source, Buffer target)
    {
        Chunk? chunk = null;
        try
        {
            chunk = Next();
            if (chunk is not null)
                Convert(chunk, source, target);
        }
        catch (Exception exception)
        {
            Fail(chunk?.Number ?? long.MaxValue, exception);
        }
        return chunk is not null;
    }

    private Chunk? Next()
    {
        lock (_lock)
            return _failure is null && !_token.IsCancellationRequested && _chunks!.MoveNext() ? _chunks.Current : null;
    }

    // Chunks are taken in order, so once those in progress finish, the first failed one is known, for any thread count.
    private void Fail(long chunk, Exception exception)
    {
        lock (_lock)
        {
            if (_failure is null || chunk < _failure.Value.Chunk)
                _failure = (chunk, ExceptionDispatchInfo.Capture(exception));
        }
    }

    private void Convert(Chunk chunk, Buffer sourceBuffer, Buffer targetBuffer)
    {
        if (Reused.TryGetValue(chunk.Index, out GgufTensor? earlier))
        {
            Memory<byte> same = targetBuffer.Take(chunk.TargetBytes);
            Reuse!.Read(earlier, chunk.Tensor.Format.ByteCount(chunk.FirstWeight), same.Span);
            Write(chunk, Checked(chunk, same));
            return;
        }
        Memory<byte> source = sourceBuffer.Take(chunk.SourceBytes);
        long start = Stopwatch.GetTimestamp();
        _plan.Source.Read(chunk.Tensor.Source, chunk.SourceOffset, source.Span);
        start = AddTime(ref _readingTicks, start);

        Memory<byte> blocks = chunk.Tensor.IsCopied ? Checked(chunk, source) : Quantized(chunk, source, targetBuffer.Take(chunk.TargetBytes));
        AddTime(ref _quantizingTicks, start);
        Write(chunk, blocks);
    }

    // Returns the time at which the next step starts.
    private static long AddTime(ref long ticks, long start)
    {
        long now = Stopwatch.GetTimestamp();
        Interlocked.Add(ref ticks, now - start);
        return now;
    }

    private void Write(Chunk chunk, Memory<byte> blocks)
    {
        long start = Stopwatch.GetTimestamp();
        _files[chunk.File].Write(chunk.TargetOffset, blocks.Span);
        AddTime(ref _writingTicks, start);
        Interlocked.Add(ref _weightsDone, chunk.Weights);
        if (Interlocked.Add(ref _weightsLeft[chunk.Index], -chunk.Weights) == 0)
            Journal?.Add(chunk.Index, HashOf(chunk.Index));
        Report(chunk.Tensor);
    }

    private HashSet<int> FindFinished(ResumeJournal journal)
    {
        HashSet<int> finished = [];
        foreach ((int index, string hash) in journal.Finished)
        {
            if (HashOf(index) != hash)
                continue;
            finished.Add(index);
            _weightsDone += _plan.Tensors[index].Source.ElementCount;
        }
        return finished;
    }

    private string HashOf(int index)
    {
        (int file, GgufTensor slot) = _plan.Layout.Slots[index];
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] bytes = new byte[(int)Math.Min(1 << 20, slot.ByteCount)];
        for (long done = 0; done < slot.ByteCount;)
        {
            _token.ThrowIfCancellationRequested();
            int count = _files[file].Read(slot.FileOffset + done, bytes.AsSpan(0, (int)Math.Min(bytes.Length, slot.ByteCount - done)));
            if (count == 0)
                break;
            hash.AppendData(bytes, 0, count);
            done += count;
        }
        return System.Convert.ToHexString(hash.GetHashAndReset());
    }

    private static Memory<byte> Checked(Chunk chunk, Memory<byte> source)
    {
        long invalid = BlockValidation.FindInvalid(chunk.Tensor.Format, source.Span);
        if (invalid >= 0)
            throw Unquantizable(chunk, source, new WeightFault(invalid * chunk.Tensor.Format.BlockSize, IsInSource: true));
        return source;
    }

    private Memory<byte> Quantized(Chunk chunk, Memory<byte> source, Memory<byte> target)
    {
        QuantizationJob job = new(chunk.Tensor.Source.Type, chunk.Tensor.Target, chunk.RowLength, chunk.Rows, chunk.Importance, source, target);
        WeightFault? fault;
        if (chunk.Tensor.Moments is { } moments)
        {
            using RoundingFactors.Lease lease = _factors.Rent(moments.OfMatrix(chunk.Matrix), _token);
            fault = _device.Quantize(job with { Factor = lease.Factor }, _token);
        }
        else
        {
            fault = _device.Quantize(job, _token);
        }
        return fault is null ? target : throw Unquantizable(chunk, source, fault);
    }

    private static QuantizationException Unquantizable(Chunk chunk, Memory<byte> source, WeightFault fault)
    {
        PlannedTensor tensor = chunk.Tensor;
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

    private void Report(PlannedTensor tensor)
    {
        if (_progress is null)
            return;
        long last = Interlocked.Read(ref _lastReport);
        if (Stopwatch.GetElapsedTime(last) < s_reportInterval || Interlocked.CompareExchange(ref _lastReport, Stopwatch.GetTimestamp(), last) != last)
            return;
        _progress.Report(Progress(tensor));
    }

    private WorkProgress Progress(PlannedTensor tensor)
    {
        long done = Interlocked.Read(ref _weightsDone);
        string rate = NumberText.Rate(done / Stopwatch.GetElapsedTime(_start).TotalSeconds);
        return WorkProgress.Of($"{tensor.Name}, {rate}", done, _plan.Weights, _start);
    }

    /// <summary>A device's buffer that grows to the largest chunk a thread has handled.</summary>
    private sealed class Buffer(IQuantizationDevice device) : IDisposable
    {
        private IMemoryOwner<byte>? _owner;

        internal Memory<byte> Take(int bytes)
        {
            if (_owner is null || _owner.Memory.Length < bytes)
            {
                _owner?.Dispose();
                _owner = device.Allocate(bytes);
            }
            return _owner.Memory[..bytes];
        }

        public void Dispose() => _owner?.Dispose();
    }
}
