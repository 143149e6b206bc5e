using System.Buffers;
using System.Diagnostics;
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
    private readonly GgufFile _source;
    private readonly IReadOnlyList<OutputFiles> _outputs;
    private readonly IQuantizationDevice _device;
    private readonly WeightProgress _progress;
    private readonly CancellationToken _token;
    private readonly ChunkSize _size;
    private readonly RoundingFactors _factors;

    private readonly Lock _lock = new();
    private IEnumerator<Chunk>? _chunks;
    private long _readingTicks;
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
    }

    /// <summary>An earlier file with some of the tensors.</summary>
    internal GgufFile? Reuse { get; init; }

    /// <summary>The time spent so far, over all threads together.</summary>
    internal WorkTimes Times => new(
        Stopwatch.GetElapsedTime(0, _readingTicks), Stopwatch.GetElapsedTime(0, _quantizingTicks), Stopwatch.GetElapsedTime(0, _writingTicks));

    /// <summary>Writes every tensor's data, except to files that fail.</summary>
    /// <exception cref="OperationCanceledException">The token was signalled while there were files left to write.</exception>
    internal void Run()
    {
        using IEnumerator<Chunk> chunks = Chunks.Of(TensorWork.Of(_outputs), _size.Weights).GetEnumerator();
        _chunks = chunks;
        Thread[] threads = new Thread[_size.Threads];
        for (int i = 0; i < threads.Length; i++)
        {
            threads[i] = new Thread(Work) { IsBackground = true, Name = $"GgufQuant {i}" };
            threads[i].Start();
        }
        foreach (Thread thread in threads)
            thread.Join();
        if (!HaveAllFailed)
            _token.ThrowIfCancellationRequested();
    }

    private bool HaveAllFailed => _outputs.All(output => output.Failure is not null);

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
            OutputFiles.Try(_outputs, () => chunk = Next(), _token);
            if (chunk is not null)
                Convert(chunk, source, target);
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

    private void Convert(Chunk chunk, Buffer sourceBuffer, Buffer targetBuffer)
    {
        Memory<byte> source = default;
        Memory<byte> blocks = default;
        Try([.. chunk.Work.Conversions.Where(conversion => conversion.Earlier is null).SelectMany(Wanting)], () => source = Read(chunk, sourceBuffer));
        foreach (Conversion conversion in chunk.Work.Conversions)
        {
            Try(Wanting(conversion), () => blocks = BlocksOf(conversion, chunk, source, targetBuffer));
            foreach (TensorSlot slot in Wanting(conversion))
                Try([slot], () => Write(slot, conversion, chunk, blocks.Span));
            _progress.Add(conversion.Tensor.Name, (long)chunk.Weights * conversion.Slots.Count);
        }

        TensorSlot[] Wanting(Conversion conversion) => [.. conversion.Slots.Where(slot => slot.Output.Wants(chunk.Number))];

        void Try(TensorSlot[] slots, Action work) => OutputFiles.Try([.. slots.Select(slot => slot.Output)], work, _token, chunk.Number);
    }

    private Memory<byte> Read(Chunk chunk, Buffer buffer)
    {
        Memory<byte> source = buffer.Take(chunk.SourceBytes);
        long start = Stopwatch.GetTimestamp();
        _source.Read(chunk.Work.Source, chunk.SourceOffset, source.Span);
        AddTime(ref _readingTicks, start);
        return source;
    }

    private Memory<byte> BlocksOf(Conversion conversion, Chunk chunk, Memory<byte> source, Buffer buffer)
    {
        if (conversion.Earlier is { } earlier)
        {
            Memory<byte> same = buffer.Take(chunk.BytesOf(conversion));
            Reuse!.Read(earlier, chunk.OffsetOf(conversion), same.Span);
            return Checked(conversion, chunk, same);
        }
        long start = Stopwatch.GetTimestamp();
        Memory<byte> blocks = conversion.Tensor.IsCopied
            ? Checked(conversion, chunk, source)
            : Quantized(conversion, chunk, source, buffer.Take(chunk.BytesOf(conversion)));
        AddTime(ref _quantizingTicks, start);
        return blocks;
    }

    private void Write(TensorSlot slot, Conversion conversion, Chunk chunk, ReadOnlySpan<byte> blocks)
    {
        long start = Stopwatch.GetTimestamp();
        slot.Output.Write(slot.Index, chunk.OffsetOf(conversion), blocks, chunk.Weights, _token);
        AddTime(ref _writingTicks, start);
    }

    private static void AddTime(ref long ticks, long start) => Interlocked.Add(ref ticks, Stopwatch.GetTimestamp() - start);

    private static Memory<byte> Checked(Conversion conversion, Chunk chunk, Memory<byte> bytes)
    {
        BlockFormat format = conversion.Tensor.Format;
        long invalid = BlockValidation.FindInvalid(format, bytes.Span);
        if (invalid >= 0)
            throw Unquantizable(conversion.Tensor, chunk, bytes, new WeightFault(invalid * format.BlockSize, IsInSource: true));
        return bytes;
    }

    private Memory<byte> Quantized(Conversion conversion, Chunk chunk, Memory<byte> source, Memory<byte> target)
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
        return fault is null ? target : throw Unquantizable(tensor, chunk, source, fault);
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
