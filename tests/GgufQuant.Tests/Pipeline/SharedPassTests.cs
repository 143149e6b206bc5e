using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.IO;
using GgufQuant.Pipeline;
using GgufQuant.Planning;
using GgufQuant.Tests.Planning;
using Microsoft.Win32.SafeHandles;

namespace GgufQuant.Tests.Pipeline;

/// <summary>Several files made while their source is read once: the bytes of separate runs, and each fails for itself.</summary>
public sealed class SharedPassTests(TestModels models) : IClassFixture<TestModels>, IDisposable
{
    private const string Weights = "blk.0.ffn_up.weight";

    private static readonly FileType[] s_types =
        [FileType.IQ2_XS, FileType.F16, FileType.Q4_K_M, FileType.Q4_K_S, FileType.Q8_0, FileType.IQ4_NL, FileType.Q2_K, FileType.BF16];

    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("dense", 1, 64L << 20)]
    [InlineData("dense", 7, 64L << 20)]
    [InlineData("dense", 2, 1L << 30)]
    [InlineData("experts-8", 2, 64L << 20)]
    [InlineData("experts-8", 5, 1L << 30)]
    public void Files_have_the_bytes_of_separate_runs(string model, int threads, long budget)
    {
        using GgufFile source = GgufFile.Open(models.PathOf(model));
        QuantizationOptions options = new() { Imatrix = MatrixOf(source) };
        QuantizationOutput[] outputs = [.. s_types.Select(type => OutputOf(source, type, options))];
        IReadOnlyList<QuantizationOutcome> outcomes = new Quantizer(new() { Threads = threads, MemoryBudget = budget }).RunAll(outputs, token: Token);
        Assert.Equal(outputs.Select(output => output.Destination), outcomes.Select(outcome => outcome.Result.Path));
        Assert.Equal(s_types.Cast<FileType?>(), outcomes.Select(outcome => outcome.Result.Type));
        AssertAreWhole(outputs);
    }

    [Fact]
    public void Rows_are_not_cut_for_one_type_where_another_needs_them_whole()
    {
        float[] weights = [.. Enumerable.Range(0, 2 * 300_032).Select(i => MathF.Sin(i * 0.37f))];
        using GgufFile source = GgufFile.Open(WriteSingle(GgmlType.F32, 300_032, MemoryMarshal.AsBytes<float>(weights)));
        QuantizationOptions weighed = new() { Imatrix = MatrixOf(source) };
        QuantizationOutput[] outputs =
            [OutputOf(source, FileType.Q5_K_M, new()), OutputOf(source, FileType.Q4_K_M, weighed), OutputOf(source, FileType.Q4_0, new())];
        new Quantizer().RunAll(outputs, token: Token);
        AssertAreWhole(outputs);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void The_source_is_read_once(int threads)
    {
        using GgufFile source = OpenCounting(Sample.Model, out CountingFile reads);
        QuantizationOptions options = new() { Imatrix = MatrixOf(source) };
        QuantizationOutput[] outputs = [.. s_types.Select(type => OutputOf(source, type, options))];
        new Quantizer(new() { Threads = threads }).RunAll(outputs, token: Token);
        Assert.Equal(source.Tensors.Sum(tensor => tensor.ByteCount), reads.Bytes);
        Assert.Equal(reads.Bytes, reads.DistinctBytes);
    }

    [Fact]
    public void What_two_files_hold_the_same_of_is_made_once()
    {
        using GgufFile source = GgufFile.Open(models.PathOf("dense"));
        QuantizationOutput[] outputs = [OutputOf(source, FileType.Q4_K_M, new()), OutputOf(source, FileType.Q4_K_S, new())];
        using CountingDevice device = new();
        new Quantizer(new() { Device = device }).RunAll(outputs, token: Token);
        long different = outputs[0].Plan.Tensors.Zip(outputs[1].Plan.Tensors)
            .Sum(pair => pair.First.IsCopied ? 0 : pair.First.Source.ElementCount * (pair.First.Target == pair.Second.Target ? 1 : 2));
        Assert.Equal(different, device.Weights);
        Assert.InRange(device.Weights, 1, (2 * outputs[0].Plan.Weights) - 1);
        AssertAreWhole(outputs);
    }

    [Fact]
    public void A_weight_too_large_for_a_type_fails_the_files_of_that_type_at_the_first_such_weight()
    {
        float[] weights = new float[512 * 3000];
        weights[(512 * 1000) + 40] = ReversingDevice.First;
        weights[(512 * 2900) + 40] = 2 * ReversingDevice.First;
        using GgufFile source = GgufFile.Open(WriteSingle(GgmlType.F32, 512, MemoryMarshal.AsBytes<float>(weights)));
        QuantizationOutput[] outputs = [.. new[] { FileType.BF16, FileType.Q8_0, FileType.F32 }.Select(type => OutputOf(source, type, new()))];
        using ReversingDevice device = new();
        IReadOnlyList<QuantizationOutcome> outcomes = new Quantizer(new() { Device = device }).RunAll(outputs, token: Token);
        Assert.Contains("too large for q8_0, starting at row 1000, column 32", Assert.IsType<QuantizationException>(outcomes[1].Exception).Message, StringComparison.Ordinal);
        Assert.Throws<QuantizationException>(() => outcomes[1].Result);
        Assert.Equal([outputs[0].Destination, outputs[2].Destination], Made.Order());
        AssertAreWhole(outputs[0], outputs[2]);
    }

    [Fact]
    public void A_damaged_source_fails_all_files_with_the_first_damage()
    {
        float[] weights = new float[512 * 300];
        weights[(512 * 123) + 45] = float.NaN;
        using GgufFile source = GgufFile.Open(WriteSingle(GgmlType.F32, 512, MemoryMarshal.AsBytes<float>(weights)));
        QuantizationOutput[] outputs = [.. new[] { FileType.Q4_K_M, FileType.Q8_0, FileType.F32 }.Select(type => OutputOf(source, type, new()))];
        Assert.All(
            new Quantizer().RunAll(outputs, token: Token),
            outcome => Assert.Contains("NaN at row 123, column 45", outcome.Exception!.Message, StringComparison.Ordinal));
        Assert.Empty(Made);
    }

    [Fact]
    public void A_file_that_may_not_be_written_fails_alone()
    {
        using GgufFile source = GgufFile.Open(models.PathOf("dense"));
        QuantizationOutput[] outputs = [.. new[] { FileType.Q4_0, FileType.Q5_0, FileType.Q8_0 }.Select(type => OutputOf(source, type, new()))];
        outputs[2] = outputs[2] with { Destination = source.Path };
        File.WriteAllText(outputs[0].Destination, "precious");
        IReadOnlyList<QuantizationOutcome> outcomes = new Quantizer().RunAll(outputs, token: Token);
        Assert.Contains("already exists", Assert.IsType<IOException>(outcomes[0].Exception).Message, StringComparison.Ordinal);
        Assert.Contains("is the source model", Assert.IsType<IOException>(outcomes[2].Exception).Message, StringComparison.Ordinal);
        Assert.Equal("precious", File.ReadAllText(outputs[0].Destination));
        AssertAreWhole(outputs[1]);
    }

    [Fact]
    public void A_disk_that_fills_up_fails_the_files_it_has_no_room_for()
    {
        using GgufFile source = GgufFile.Open(models.PathOf("dense"));
        QuantizationOutput[] outputs = [.. new[] { FileType.Q8_0, FileType.Q4_0, FileType.Q5_0 }.Select(type => OutputOf(source, type, new()))];
        FullFolder disk = new(_folder.Path, outputs[0].Plan.TotalBytes + outputs[1].Plan.TotalBytes);
        IReadOnlyList<QuantizationOutcome> outcomes = new Quantizer(new() { FileSystem = disk }).RunAll(outputs, token: Token);
        Assert.IsType<DiskFullException>(outcomes[2].Exception);
        AssertAreWhole(outputs[0], outputs[1]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_a_disk_has_no_room_for_together_is_written_one_after_the_other(bool saysItsRoom)
    {
        using GgufFile source = OpenCounting(models.PathOf("dense"), out CountingFile reads);
        QuantizationOutput[] outputs = [.. new[] { FileType.Q4_0, FileType.Q4_1 }.Select(type => OutputOf(source, type, new()))];
        // The files are replaced one by one, and then the room of the old ones is free.
        new Quantizer().RunAll(outputs, token: Token);
        FullFolder disk = new(_folder.Path, outputs[0].Plan.TotalBytes + (2 * outputs[1].Plan.TotalBytes)) { SaysItsRoom = saysItsRoom };
        reads.Clear();
        IReadOnlyList<QuantizationOutcome> outcomes = new Quantizer(new() { FileSystem = disk }).RunAll(outputs, overwrite: true, token: Token);
        Assert.All(outcomes, outcome => Assert.Null(outcome.Exception));
        Assert.Equal(2 * source.Tensors.Sum(tensor => tensor.ByteCount), reads.Bytes);
        AssertAreWhole(outputs);
    }

    [Fact]
    public void What_memory_has_no_room_for_together_is_written_one_after_the_other()
    {
        // With half a byte per weight, a whole row fits half of the smallest budget; with four it does not.
        const int RowLength = 4608 << 10;
        using GgufFile source = OpenCounting(WriteSingle(GgmlType.F16, RowLength, new byte[2 * 2 * RowLength]), out CountingFile reads);
        QuantizationOutput[] outputs = [OutputOf(source, FileType.Q4_K_S, new() { Imatrix = MatrixOf(source) }), OutputOf(source, FileType.F32, new())];
        IReadOnlyList<QuantizationOutcome> outcomes = new Quantizer(new() { MemoryBudget = 64 << 20 }).RunAll(outputs, token: Token);
        Assert.All(outcomes, outcome => Assert.Null(outcome.Exception));
        Assert.Equal(2 * source.Tensors[0].ByteCount, reads.Bytes);
    }

    [Fact]
    public void Cancelling_leaves_nothing()
    {
        using GgufFile source = GgufFile.Open(Sample.Model);
        using CancellationTokenSource cancellation = new();
        using CountingDevice device = new() { Jobs = 20, Cancellation = cancellation };
        QuantizationOutput[] outputs = [.. new[] { FileType.Q4_0, FileType.Q5_0 }.Select(type => OutputOf(source, type, new()))];
        Assert.ThrowsAny<OperationCanceledException>(() => new Quantizer(new() { Device = device }).RunAll(outputs, token: cancellation.Token));
        Assert.Empty(_folder.Files);
    }

    [Fact]
    public void Cancelled_files_are_resumed_together()
    {
        using GgufFile source = OpenCounting(Sample.Model, out CountingFile reads);
        using CancellationTokenSource cancellation = new();
        using CountingDevice device = new() { Jobs = 60, Cancellation = cancellation };
        QuantizationOutput[] outputs = [.. new[] { FileType.Q4_0, FileType.Q5_0, FileType.Q8_0 }.Select(type => OutputOf(source, type, new()))];
        Assert.ThrowsAny<OperationCanceledException>(
            () => new Quantizer(new() { Device = device, Resume = true }).RunAll(outputs[..2], token: cancellation.Token));
        Assert.Equal(4, _folder.Files.Count());
        reads.Clear();
        IReadOnlyList<QuantizationOutcome> outcomes = new Quantizer(new() { Resume = true }).RunAll(outputs, token: Token);
        Assert.All(outcomes.Take(2), outcome => Assert.InRange(outcome.Result.TensorsReused, 1, source.Tensors.Count - 1));
        Assert.Equal(0, outcomes[2].Result.TensorsReused);
        Assert.Equal(source.Tensors.Sum(tensor => tensor.ByteCount), reads.Bytes);
        AssertAreWhole(outputs);
        Assert.Equal(outputs.Length, Made.Count());
    }

    [Fact]
    public void An_earlier_file_is_reused_for_all_even_where_one_replaces_it()
    {
        using GgufFile source = OpenCounting(Sample.Model, out CountingFile reads);
        QuantizationOutput[] outputs = [.. new[] { FileType.Q4_K_M, FileType.Q4_K_S }.Select(type => OutputOf(source, type, new()))];
        new Quantizer(new() { KeepReuseRecord = true }).Run(outputs[0].Plan, outputs[0].Destination, token: Token);
        using GgufFile earlier = GgufFile.Open(outputs[0].Destination);
        reads.Clear();
        IReadOnlyList<QuantizationOutcome> outcomes = new Quantizer(new() { Reuse = earlier, KeepReuseRecord = true }).RunAll(outputs, overwrite: true, token: Token);
        Assert.Equal(outputs[0].Plan.Tensors.Count(tensor => !tensor.IsCopied), outcomes[0].Result.TensorsReused);
        Assert.InRange(outcomes[1].Result.TensorsReused, 1, outcomes[0].Result.TensorsReused - 1);
        // Once to compare what the tensors are made from, and once what is made.
        Assert.InRange(reads.Bytes, 1, 2 * source.Tensors.Sum(tensor => tensor.ByteCount));
        AssertAreWhole(outputs);
        using GgufFile other = GgufFile.Open(outputs[1].Destination);
        Assert.True(Quantizer.HasReuseRecord(other));
    }

    [Fact]
    public void Different_shards_of_different_types_share_a_pass()
    {
        using GgufFile source = OpenCounting(Sample.Model, out CountingFile reads);
        QuantizationOptions options = new() { Split = new() { MaxBytes = 1_000_000 } };
        QuantizationPlan[] whole = [QuantizationPlan.Create(source, FileType.Q4_0, options), QuantizationPlan.Create(source, FileType.Q8_0, options)];
        QuantizationOutput[] outputs =
            [new(whole[0].ForShards([1]), _folder.File("a.gguf")), new(whole[1].ForShards([3, 0]), _folder.File("b.gguf")), new(whole[1], _folder.File("c.gguf"))];
        new Quantizer().RunAll(outputs, token: Token);
        Assert.Equal(source.Tensors.Sum(tensor => tensor.ByteCount), reads.Bytes);
        AssertAreWhole(outputs);
    }

    [Fact]
    public void Progress_is_that_of_all_files_together()
    {
        using GgufFile source = GgufFile.Open(Sample.Model);
        QuantizationOutput[] outputs = [.. new[] { FileType.Q4_0, FileType.Q8_0, FileType.F16 }.Select(type => OutputOf(source, type, new()))];
        File.WriteAllText(outputs[1].Destination, "in the way");
        LastReport progress = new();
        new Quantizer().RunAll(outputs, progress: progress, token: Token);
        Assert.Equal((1.0, TimeSpan.Zero), (progress.Value!.Share, progress.Value.Remaining));
    }

    [Fact]
    public void Plans_of_two_sources_and_two_files_of_one_name_are_rejected()
    {
        using GgufFile source = GgufFile.Open(Sample.Model);
        using GgufFile other = GgufFile.Open(models.PathOf("dense"));
        QuantizationOutput output = OutputOf(source, FileType.Q8_0, new());
        Assert.Throws<ArgumentException>(() => new Quantizer().RunAll([output, OutputOf(other, FileType.Q4_0, new())], token: Token));
        Assert.Throws<ArgumentException>(() => new Quantizer().RunAll([output, output with { Plan = QuantizationPlan.CreateCopy(source) }], token: Token));
        Assert.Empty(new Quantizer().RunAll([], token: Token));
    }

    private IEnumerable<string> Made => Directory.GetFiles(_folder.Path, "made-*");

    private QuantizationOutput OutputOf(GgufFile source, FileType type, QuantizationOptions options) =>
        new(QuantizationPlan.Create(source, type, options), _folder.File($"made-{type}.gguf"));

    private void AssertAreWhole(params IEnumerable<QuantizationOutput> outputs)
    {
        foreach (QuantizationOutput output in outputs)
        {
            string alone = _folder.File("alone.gguf");
            new Quantizer().Run(output.Plan, alone, overwrite: true, token: Token);
            Assert.All(
                output.Plan.PathsAt(alone).Zip(output.Plan.PathsAt(output.Destination)),
                pair => Assert.True(File.ReadAllBytes(pair.First).AsSpan().SequenceEqual(File.ReadAllBytes(pair.Second)), $"{output.Plan.Type} differs."));
        }
    }

    private ImatrixFile MatrixOf(GgufFile source)
    {
        string path = Path.Combine(models.Folder, $"{Guid.NewGuid():N}.gguf");
        TestImatrix.For(source).WriteGguf(path);
        return ImatrixFile.Open(path, Token);
    }

    private string WriteSingle(GgmlType type, int rowLength, ReadOnlySpan<byte> bytes)
    {
        (string Key, object Value)[] metadata =
        [
            ("general.architecture", "llama"), ("llama.context_length", 128u), ("llama.embedding_length", 256u), ("llama.block_count", 1u),
            ("llama.feed_forward_length", 512u), ("llama.attention.head_count", 4u), ("llama.attention.layer_norm_rms_epsilon", 1e-5f),
        ];
        string path = Path.Combine(models.Folder, $"{Guid.NewGuid():N}.gguf");
        GgufFiles.Write(
            path,
            metadata.Select(entry => GgufEntry.Create(entry.Key, entry.Value)),
            [(new(Weights, type, [rowLength, bytes.Length / BlockFormat.Of(type).ByteCount(rowLength)]), bytes.ToArray())]);
        return path;
    }

    private static GgufFile OpenCounting(string path, out CountingFile reads)
    {
        CountingFile counting = new(path);
        reads = counting;
        GgufFile source = GgufFile.Open(path, _ => counting, isTolerant: false, Token);
        counting.DataOffset = source.Shards[0].DataOffset;
        return source;
    }

    /// <summary>A file that counts what is read of its tensors.</summary>
    private sealed class CountingFile(string path) : IRandomAccessFile
    {
        private readonly RandomAccessFile _inner = new(path);
        private readonly ConcurrentQueue<(long Offset, int Count)> _reads = [];

        public string Path => _inner.Path;

        public long Length => _inner.Length;

        /// <summary>Where the tensors begin.</summary>
        internal long DataOffset { get; set; } = long.MaxValue;

        internal long Bytes => _reads.Sum(read => (long)read.Count);

        internal long DistinctBytes => _reads.DistinctBy(read => read.Offset).Sum(read => (long)read.Count);

        internal void Clear() => _reads.Clear();

        public int Read(long offset, Span<byte> destination, int least)
        {
            if (offset >= DataOffset)
                _reads.Enqueue((offset, destination.Length));
            return _inner.Read(offset, destination, least);
        }

        public void ThrowIfChanged() => _inner.ThrowIfChanged();

        public void Dispose() => _inner.Dispose();
    }

    /// <summary>The processor.</summary>
    private class Processor : IQuantizationDevice
    {
        private readonly CpuDevice _inner = new(threads: 2);

        public string Name => _inner.Name;

        public int Parallelism => _inner.Parallelism;

        public int PreferredWeights => _inner.PreferredWeights;

        public bool CanQuantize(GgmlType source, GgmlType target) => _inner.CanQuantize(source, target);

        public System.Buffers.IMemoryOwner<byte> Allocate(int bytes) => _inner.Allocate(bytes);

        public virtual WeightFault? Quantize(QuantizationJob job, CancellationToken token) => _inner.Quantize(job, token);

        public void Dispose() => _inner.Dispose();
    }

    /// <summary>The processor, which counts weights, and cancels the work after some jobs.</summary>
    private sealed class CountingDevice : Processor
    {
        private long _weights;
        private int _jobs;

        internal int Jobs { get; init; } = int.MaxValue;

        internal CancellationTokenSource? Cancellation { get; init; }

        internal long Weights => _weights;

        public override WeightFault? Quantize(QuantizationJob job, CancellationToken token)
        {
            Interlocked.Add(ref _weights, job.Weights);
            if (Interlocked.Increment(ref _jobs) == Jobs)
                Cancellation!.Cancel();
            return base.Quantize(job, token);
        }
    }

    /// <summary>The processor, but rows that contain <see cref="First"/> wait until another row has failed.</summary>
    private sealed class ReversingDevice : Processor
    {
        internal const float First = 1e10f;

        private readonly ManualResetEventSlim _hasFailed = new();

        public override WeightFault? Quantize(QuantizationJob job, CancellationToken token)
        {
            if (MemoryMarshal.Cast<byte, float>(job.Source.Span).Contains(First))
            {
                Assert.True(_hasFailed.Wait(TimeSpan.FromSeconds(30), token));
                // Until it has been recorded.
                token.WaitHandle.WaitOne(100);
            }
            WeightFault? fault = base.Quantize(job, token);
            if (fault is not null)
                _hasFailed.Set();
            return fault;
        }
    }

    /// <summary>A folder on a disk of its own, which takes the space for a file at once.</summary>
    private sealed class FullFolder(string folder, long bytes) : IFileSystem
    {
        private readonly IFileSystem _native = FileSystem.Native;

        /// <summary>Whether the room is known before it is needed.</summary>
        internal bool SaysItsRoom { get; init; } = true;

        private long Room => bytes - new DirectoryInfo(folder).EnumerateFiles().Sum(file => file.Length);

        public TimeSpan Patience => _native.Patience;

        public FileIdentity? Identify(string path) => _native.Identify(path);

        public bool IsSpecial(string path) => _native.IsSpecial(path);

        public long? FindFreeBytes(string path) => SaysItsRoom ? Room : null;

        public long CountAllocatedBytes(string path) => _native.CountAllocatedBytes(path);

        public void SetLength(FileStream file, long length)
        {
            if (length > Room)
                throw new DiskFullException(file.Name, "No space left on device");
            file.SetLength(length);
        }

        public void Flush(SafeFileHandle file, string path) => _native.Flush(file, path);

        public void FlushFolder(string path) => _native.FlushFolder(path);

        public void TryReplacing(string path) => _native.TryReplacing(path);

        public bool IsInUse(Exception exception) => _native.IsInUse(exception);
    }

    private sealed class LastReport : IProgress<WorkProgress>
    {
        internal WorkProgress? Value { get; private set; }

        public void Report(WorkProgress value) => Value = value;
    }
}
