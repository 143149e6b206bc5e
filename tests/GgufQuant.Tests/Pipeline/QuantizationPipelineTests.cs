using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Pipeline;
using GgufQuant.Planning;

namespace GgufQuant.Tests.Pipeline;

/// <summary>Which threads work on a source.</summary>
public sealed class QuantizationPipelineTests : IDisposable
{
    private const int TensorBytes = 1 << 20;

    // So many tensors are read before the pipeline judges how fast that goes.
    private const int Judged = 64;

    // Reads into new memory are not judged.
    private const int New = 16;

    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void More_threads_than_cores_read_only_once_reads_have_turned_out_to_be_slow()
    {
        int[] readers = ReadersOf(new SlowData(_ => true) { AwaitsMoreThreads = true });
        Assert.InRange(readers[..Judged].Distinct().Count(), 1, Environment.ProcessorCount);
        Assert.InRange(readers.Distinct().Count(), Environment.ProcessorCount + 1, int.MaxValue);
    }

    [Fact]
    public void Reads_that_are_slow_only_into_new_memory_need_no_more_threads_than_cores()
    {
        int[] readers = ReadersOf(new SlowData(isNew => isNew));
        Assert.InRange(readers.Distinct().Count(), 1, Environment.ProcessorCount);
    }

    // The threads of all reads, in order.
    private int[] ReadersOf(SlowData data)
    {
        GgufWriter layout = new(
            [GgufEntry.Create(GgufKeys.Architecture, "llama")],
            Enumerable.Range(0, Judged + New + (4 * Environment.ProcessorCount)).Select(i => new GgufTensorInfo($"blk.{i}.ffn_up.weight", GgmlType.F16, [1024, TensorBytes / 2048])));
        using GgufFile source = GgufFile.Of(_folder.Path, layout, layout.Length, data, gap: null);
        Quantizer quantizer = new(new() { Clock = data.Clock });
        quantizer.Run(QuantizationPlan.Create(source, FileType.F16), Path.Combine(_folder.Path, "copy.gguf"), token: TestContext.Current.CancellationToken);
        return [.. data.Readers];
    }

    /// <param name="isSlow">Whether a read is slow, from whether nothing has been read into its memory before.</param>
    private sealed class SlowData(Func<bool, bool> isSlow) : ITensorData
    {
        private readonly ConcurrentDictionary<nint, int> _used = [];
        private long _repeatedBytes;

        public WorkClock Clock { get; } = new();

        // Whether reads, once they can be judged, wait for threads beyond the cores, which on a busy machine might find none left.
        public bool AwaitsMoreThreads { get; init; }

        // The thread of each read, in order.
        public ConcurrentQueue<int> Readers { get; } = [];

        public IEnumerable<string> Paths => [];

        public void Read(GgufTensor tensor, long offset, Span<byte> destination)
        {
            Readers.Enqueue(Environment.CurrentManagedThreadId);
            // Memory of this size is not moved.
            bool isNew = _used.TryAdd(Unsafe.ByteOffset(ref Unsafe.NullRef<byte>(), ref destination[0]), 0);
            if (isNew)
                destination.Clear();
            if (isSlow(isNew))
                Clock.Advance(TimeSpan.FromMilliseconds(isNew ? 50 : 5));
            long judged = isNew ? 0 : Interlocked.Add(ref _repeatedBytes, destination.Length);
            // Threads as many as cores may still be reading.
            if (AwaitsMoreThreads && judged > (Judged + Environment.ProcessorCount) * (long)TensorBytes)
                SpinWait.SpinUntil(() => Readers.Distinct().Count() > Environment.ProcessorCount, TimeSpan.FromSeconds(5));
        }

        public long SourceBytesOf(GgufTensor tensor) => tensor.ByteCount;

        public void ThrowIfChanged()
        {
        }

        public void Dispose()
        {
        }
    }

    // Each thread's own work alone takes time, so that it does not matter what else the machine does.
    private sealed class WorkClock : TimeProvider
    {
        private readonly ThreadLocal<long> _ticks = new();

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => _ticks.Value;

        public void Advance(TimeSpan time) => _ticks.Value += time.Ticks;
    }
}
