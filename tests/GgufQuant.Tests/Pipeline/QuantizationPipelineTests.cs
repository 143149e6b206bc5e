using System.Collections.Concurrent;
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
        int cores = Environment.ProcessorCount;
        GgufWriter layout = new(
            [GgufEntry.Create(GgufKeys.Architecture, "llama")],
            Enumerable.Range(0, Judged + New + (4 * cores)).Select(i => new GgufTensorInfo($"blk.{i}.ffn_up.weight", GgmlType.F16, [1024, TensorBytes / 2048])));
        using SlowData data = new();
        using GgufFile source = GgufFile.Of(_folder.Path, layout, layout.Length, data, gap: null);
        new Quantizer().Run(QuantizationPlan.Create(source, FileType.F16), Path.Combine(_folder.Path, "copy.gguf"), token: TestContext.Current.CancellationToken);
        int[] readers = [.. data.Readers];
        Assert.InRange(readers[..Judged].Distinct().Count(), 1, cores);
        Assert.InRange(readers.Distinct().Count(), cores + 1, int.MaxValue);
    }

    private sealed class SlowData : ITensorData
    {
        // The thread of each read, in order.
        public ConcurrentQueue<int> Readers { get; } = [];

        public IEnumerable<string> Paths => [];

        public void Read(GgufTensor tensor, long offset, Span<byte> destination)
        {
            Readers.Enqueue(Environment.CurrentManagedThreadId);
            Thread.Sleep(5);
            destination.Clear();
        }

        public long SourceBytesOf(GgufTensor tensor) => tensor.ByteCount;

        public void ThrowIfChanged()
        {
        }

        public void Dispose()
        {
        }
    }
}
