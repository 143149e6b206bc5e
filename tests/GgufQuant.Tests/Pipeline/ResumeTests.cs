using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.IO;
using GgufQuant.Pipeline;
using GgufQuant.Planning;
using GgufQuant.Tests.IO;
using GgufQuant.Tests.Planning;
using Microsoft.Win32.SafeHandles;

namespace GgufQuant.Tests.Pipeline;

/// <summary>Going on with an unfinished file, and taking tensors from an earlier one: less work, the same bytes.</summary>
public sealed class ResumeTests(TestModels models) : IClassFixture<TestModels>
{
    // What it is a journal of, and the source.
    private const int HeaderLines = 2;

    private static readonly QuantizerOptions s_recording = new() { KeepReuseRecord = true };

    [Fact]
    public void A_cancelled_run_resumes_where_it_stopped()
    {
        using GgufFile source = GgufFile.Open(Sample.Model);
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q4_K_M);
        string path = CancelHalfway(plan);

        QuantizationResult result = Run(plan, path, new() { Resume = true });
        Assert.InRange(result.TensorsReused, 1, plan.Tensors.Count - 1);
        AssertIsWhole(plan, path);
        Assert.Empty(Directory.GetFiles(models.Folder, $"{Path.GetFileName(path)}.*partial*"));
    }

    [Fact]
    public void A_cancelled_run_of_some_shards_resumes_beside_a_run_of_others()
    {
        using GgufFile source = GgufFile.Open(Sample.Model);
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q4_K_M, new() { Split = new() { MaxBytes = 1_000_000 } });
        (string whole, string apart) = (NewPath(), NewPath());
        Run(plan, whole);
        QuantizationPlan part = plan.ForShards(plan.Shards.Numbers.Skip(1));
        using CancellationTokenSource cancellation = new();
        CountingDevice device = new(part.Tensors.Count(tensor => !tensor.IsCopied) / 2, cancellation);
        Assert.ThrowsAny<OperationCanceledException>(
            () => new Quantizer(new() { Resume = true, Device = device }).Run(part, apart, overwrite: false, progress: null, cancellation.Token));
        Run(plan.ForShards([0]), apart, new() { Resume = true });
        Assert.InRange(Run(part, apart, new() { Resume = true }).TensorsReused, 1, part.Tensors.Count - 1);
        Assert.All(plan.PathsAt(whole).Zip(plan.PathsAt(apart)), pair => Assert.Equal(File.ReadAllBytes(pair.First), File.ReadAllBytes(pair.Second)));
        Assert.Equal(plan.Shards.Count, Directory.GetFiles(models.Folder, $"{Path.GetFileNameWithoutExtension(apart)}*").Length);
    }

    [Fact]
    public void Stopping_while_the_finished_tensors_are_verified_loses_none()
    {
        using GgufFile source = GgufFile.Open(Sample.Model);
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q4_K_M);
        string path = CancelHalfway(plan);
        int finished = File.ReadAllLines($"{path}.partial.journal").Length - HeaderLines;

        Quantizer resuming = new(new() { Resume = true });
        Assert.ThrowsAny<OperationCanceledException>(() => resuming.Run(plan, path, overwrite: false, progress: null, new(canceled: true)));

        Assert.Equal(finished, Run(plan, path, new() { Resume = true }).TensorsReused);
        AssertIsWhole(plan, path);
    }

    [Fact]
    public void A_journal_with_a_truncated_last_line_is_continued()
    {
        using GgufFile source = GgufFile.Open(Sample.Model);
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q4_K_M);
        string path = CancelHalfway(plan);
        string[] lines = File.ReadAllLines($"{path}.partial.journal");
        File.WriteAllText($"{path}.partial.journal", string.Join('\n', lines)[..^8]);

        Assert.Equal(lines.Length - HeaderLines - 1, Run(plan, path, new() { Resume = true }).TensorsReused);
        AssertIsWhole(plan, path);
    }

    [Fact]
    public void A_journal_that_is_too_long_is_started_afresh()
    {
        using GgufFile source = GgufFile.Open(Sample.Model);
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q4_K_M);
        string path = CancelHalfway(plan);
        File.AppendAllText($"{path}.partial.journal", new string('x', 1 << 20));

        Assert.Equal(0, Run(plan, path, new() { Resume = true }).TensorsReused);
        AssertIsWhole(plan, path);
    }

    [Fact]
    public void A_run_from_the_start_leaves_nothing_of_the_one_that_was_stopped()
    {
        using GgufFile source = GgufFile.Open(Sample.Model);
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q4_K_M);
        string path = CancelHalfway(plan);
        Assert.Equal(0, Run(plan, path).TensorsReused);
        Assert.Equal([path], Directory.GetFiles(models.Folder, $"{Path.GetFileName(path)}*"));
    }

    [Fact]
    public void A_file_that_only_looks_unfinished_stays()
    {
        using GgufFile source = GgufFile.Open(Sample.Model);
        string path = NewPath();
        File.WriteAllBytes($"{path}.partial", [1]);
        Run(QuantizationPlan.Create(source, FileType.Q4_0), path);
        Assert.True(File.Exists($"{path}.partial"));
    }

    [Fact]
    public void What_is_wrong_with_the_earlier_file_is_reported()
    {
        using GgufFile source = GgufFile.Open(Sample.Model);
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q4_0);
        string earlierPath = NewPath();
        Run(plan, earlierPath, s_recording);
        GgufFile closed = GgufFile.Open(earlierPath);
        closed.Dispose();
        Assert.Throws<ObjectDisposedException>(() => Run(plan, NewPath(), new() { Reuse = closed }));
    }

    [Fact]
    public void A_tensor_that_was_finished_and_could_be_reused_counts_once()
    {
        using GgufFile source = GgufFile.Open(Sample.Model);
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q4_K_M);
        string earlierPath = NewPath();
        Run(plan, earlierPath, s_recording);
        using GgufFile earlier = GgufFile.Open(earlierPath);
        QuantizationResult result = Run(plan, CancelHalfway(plan), new() { Resume = true, Reuse = earlier });
        Assert.InRange(result.TensorsReused, plan.Tensors.Count(tensor => !tensor.IsCopied), plan.Tensors.Count);
    }

    [Fact]
    public void A_tensor_that_has_changed_in_the_meantime_is_quantized_again()
    {
        using GgufFile source = GgufFile.Open(Sample.Model);
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q4_K_M);
        string path = CancelHalfway(plan);
        int finished = File.ReadAllLines($"{path}.partial.journal").Length - HeaderLines;
        int first = int.Parse(File.ReadAllLines($"{path}.partial.journal")[HeaderLines].Split(' ')[0]);
        using (FileStream stream = File.OpenWrite($"{path}.partial"))
        {
            stream.Position = plan.Layout.Slots[first].Slot.FileOffset;
            stream.Write([0xAB, 0xCD, 0xEF, 0x01]);
        }

        QuantizationResult result = Run(plan, path, new() { Resume = true });
        Assert.Equal(finished - 1, result.TensorsReused);
        AssertIsWhole(plan, path);
    }

    [Fact]
    public void A_different_run_starts_the_file_from_nothing()
    {
        using GgufFile source = GgufFile.Open(models.PathOf("ragged"));
        string path = CancelHalfway(QuantizationPlan.Create(source, FileType.Q4_K_M));
        Fill($"{path}.partial");
        QuantizationPlan other = QuantizationPlan.Create(source, FileType.Q5_0);
        Assert.Contains(other.Layout.Files[0].Tensors, tensor => other.Layout.Files[0].PaddingAfter(tensor) > 0);
        Assert.Equal(0, Run(other, path, new() { Resume = true }).TensorsReused);
        AssertIsWhole(other, path);
    }

    [Fact]
    public void A_source_that_has_changed_at_equal_length_starts_the_file_from_nothing()
    {
        string changing = NewPath();
        File.Copy(models.PathOf("dense"), changing);
        string path;
        using (GgufFile source = GgufFile.Open(changing))
            path = CancelHalfway(QuantizationPlan.Create(source, FileType.Q4_K_M));
        File.SetLastWriteTimeUtc(changing, File.GetLastWriteTimeUtc(changing).AddSeconds(1));

        using GgufFile changed = GgufFile.Open(changing);
        Assert.Equal(0, Run(QuantizationPlan.Create(changed, FileType.Q4_K_M), path, new() { Resume = true }).TensorsReused);
    }

    [Fact]
    public void A_source_by_another_path_is_the_same_source()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need privileges on Windows.");
        string path;
        using (GgufFile source = GgufFile.Open(models.PathOf("dense")))
            path = CancelHalfway(QuantizationPlan.Create(source, FileType.Q4_K_M));
        string link = NewPath();
        File.CreateSymbolicLink(link, models.PathOf("dense"));
        using (GgufFile source = GgufFile.Open(link))
            Assert.NotEqual(0, Run(QuantizationPlan.Create(source, FileType.Q4_K_M), path, new() { Resume = true }).TensorsReused);

        using (GgufFile source = GgufFile.Open(link))
            path = CancelHalfway(QuantizationPlan.Create(source, FileType.Q4_K_M));
        string copy = NewPath();
        File.Copy(link, copy);
        File.SetLastWriteTimeUtc(copy, File.GetLastWriteTimeUtc(models.PathOf("dense")));
        using (GgufFile source = GgufFile.Open(copy))
            Assert.Equal(0, Run(QuantizationPlan.Create(source, FileType.Q4_K_M), path, new() { Resume = true }).TensorsReused);
    }

    [Fact]
    public void Space_that_an_unfinished_file_has_taken_is_not_asked_for_again()
    {
        using GgufFile source = GgufFile.Open(Sample.Model);
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q4_K_M);
        string path = CancelHalfway(plan);
        Assert.Throws<DiskFullException>(() => Run(plan, path, new() { FileSystem = new WindowsRules { FreeBytes = plan.TotalBytes - 1 } }));
        // The file system took the space of the whole file when it was begun, as NTFS does.
        Assert.NotEqual(0, Run(plan, path, new() { Resume = true, FileSystem = new WindowsRules { FreeBytes = 0 } }).TensorsReused);
        AssertIsWhole(plan, path);
    }

    [Fact]
    public void Space_that_a_sparse_unfinished_file_has_not_taken_is_asked_for()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "Other systems may fill the file.");
        using GgufFile source = GgufFile.Open(Sample.Model);
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q4_K_M);
        string path = CancelHalfway(plan);
        long taken = FileSystem.Native.CountAllocatedBytes($"{path}.partial");
        Assert.InRange(taken, 1, plan.TotalBytes - 1);
        Assert.Throws<DiskFullException>(() => Run(plan, path, new() { Resume = true, FileSystem = new LimitedDisk(plan.TotalBytes - taken - 1) }));
        Assert.NotEqual(0, Run(plan, path, new() { Resume = true, FileSystem = new LimitedDisk(plan.TotalBytes - taken) }).TensorsReused);
    }

    [Fact]
    public void A_disk_that_does_not_say_what_is_free_is_tried()
    {
        using GgufFile source = GgufFile.Open(models.PathOf("dense"));
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q4_0);
        string path = NewPath();
        Run(plan, path, new() { FileSystem = new WindowsRules { FreeBytes = null } });
        AssertIsWhole(plan, path);
    }

    [Fact]
    public void The_earlier_file_is_replaced_by_the_one_that_reuses_it()
    {
        using GgufFile source = GgufFile.Open(models.PathOf("dense"));
        string path = NewPath();
        Run(QuantizationPlan.Create(source, FileType.Q4_K_M), path, s_recording);
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q4_K_S);
        using (GgufFile earlier = GgufFile.Open(path))
        {
            QuantizerOptions options = new() { Reuse = earlier, FileSystem = new WindowsRules() };
            Assert.NotEqual(0, new Quantizer(options).Run(plan, path, overwrite: true, progress: null, TestContext.Current.CancellationToken).TensorsReused);
        }
        AssertIsWhole(plan, path);
    }

    [Fact]
    public void A_target_that_is_open_is_found_before_the_work()
    {
        using GgufFile source = GgufFile.Open(models.PathOf("dense"));
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q4_K_M);
        string path = NewPath();
        Run(plan, path);
        using GgufFile reader = GgufFile.Open(path);
        using CancellationTokenSource cancellation = new();
        CountingDevice device = new(jobs: 1, cancellation);
        Assert.Throws<IOException>(() => new Quantizer(new() { Device = device, FileSystem = new WindowsRules() }).Run(plan, path, overwrite: true, progress: null, cancellation.Token));
        Assert.False(cancellation.IsCancellationRequested);
    }

    [Fact]
    public void Data_that_belongs_to_no_tensor_is_written_again()
    {
        using GgufFile source = GgufFile.Open(models.PathOf("ragged"));
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q5_0);
        string path = CancelHalfway(plan);
        GgufWriter layout = plan.Layout.Files[0];
        using (FileStream stream = File.OpenWrite($"{path}.partial"))
        {
            foreach (GgufTensor tensor in layout.Tensors)
            {
                stream.Position = tensor.FileOffset + tensor.ByteCount;
                stream.Write(Enumerable.Repeat((byte)0xAB, layout.PaddingAfter(tensor)).ToArray());
            }
            stream.Position = layout.Length;
            stream.Write([1, 2, 3]);
        }

        Assert.NotEqual(0, Run(plan, path, new() { Resume = true }).TensorsReused);
        AssertIsWhole(plan, path);
    }

    [Theory]
    [InlineData(".partial")]
    [InlineData(".partial.journal")]
    public void A_link_in_place_of_an_unfinished_file_is_not_written_through(string extension)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Links need privileges on Windows.");
        using GgufFile source = GgufFile.Open(Sample.Model);
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q4_K_M);
        string path = CancelHalfway(plan);
        string victim = NewPath();
        File.Move(path + extension, victim);
        byte[] before = File.ReadAllBytes(victim);
        File.CreateSymbolicLink(path + extension, victim);

        IOException exception = Assert.Throws<IOException>(() => Run(plan, path, new() { Resume = true }));
        Assert.Contains($"'{path + extension}' is a symbolic link, and is not written through: remove the link", exception.Message, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes(victim));
    }

    [Fact]
    public void An_unfinished_file_without_its_journal_is_not_touched()
    {
        using GgufFile source = GgufFile.Open(Sample.Model);
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q4_K_M);
        string path = CancelHalfway(plan);
        File.Delete($"{path}.partial.journal");
        byte[] before = File.ReadAllBytes($"{path}.partial");

        IOException exception = Assert.Throws<IOException>(() => Run(plan, path, new() { Resume = true }));
        Assert.Contains("its journal", exception.Message, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllBytes($"{path}.partial"));
        Assert.False(File.Exists($"{path}.partial.journal"));
    }

    [Fact]
    public void A_second_run_leaves_the_first_ones_journal_alone()
    {
        using GgufFile source = GgufFile.Open(Sample.Model);
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q4_K_M);
        QuantizationPlan other = QuantizationPlan.Create(source, FileType.Q5_K_M);
        string path = CancelHalfway(plan);
        string[] before = File.ReadAllLines($"{path}.partial.journal");
        using (ResumeJournal.Open(plan, [path]))
        {
            Assert.Throws<IOException>(() => Run(plan, path, new() { Resume = true }));
            Assert.Throws<IOException>(() => Run(other, path, new() { Resume = true }));
        }
        Assert.Equal(before, File.ReadAllLines($"{path}.partial.journal").Where(line => line.Length > 0));
        Assert.NotEqual(0, Run(plan, path, new() { Resume = true }).TensorsReused);
        AssertIsWhole(plan, path);
    }

    [Fact]
    public void Tensors_of_an_earlier_file_are_reused()
    {
        using GgufFile source = GgufFile.Open(Sample.Model);
        string earlierPath = NewPath();
        Run(QuantizationPlan.Create(source, FileType.Q4_K_M), earlierPath, s_recording);
        using GgufFile earlier = GgufFile.Open(earlierPath);

        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q4_K_S);
        string path = NewPath();
        QuantizationResult result = Run(plan, path, new() { Reuse = earlier });
        int same = plan.Tensors.Count(tensor => !tensor.IsCopied && earlier.FindTensor(tensor.Name)!.Type == tensor.Target);
        Assert.InRange(same, 1, plan.Tensors.Count - 1);
        Assert.Equal(same, result.TensorsReused);
        AssertIsWhole(plan, path);
    }

    [Fact]
    public void Nothing_is_taken_from_a_file_without_a_record()
    {
        using GgufFile source = GgufFile.Open(models.PathOf("dense"));
        string earlierPath = NewPath();
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q4_K_S);
        Run(plan, earlierPath);
        Assert.False(File.Exists($"{earlierPath}.reuse"));
        using GgufFile earlier = GgufFile.Open(earlierPath);
        Assert.Equal(0, Run(plan, NewPath(), new() { Reuse = earlier }).TensorsReused);
    }

    [Fact]
    public void A_tensor_with_one_different_source_row_is_quantized_again()
    {
        // Each row in turn would do; these are such as samples of a few rows miss.
        foreach (long row in (long[])[0, 1, 7, 100, -1])
        {
            using GgufFile old = GgufFile.Open(models.PathOf("dense"));
            string earlierPath = NewPath();
            Run(QuantizationPlan.Create(old, FileType.Q4_K_M), earlierPath, s_recording);
            using GgufFile earlier = GgufFile.Open(earlierPath);

            string changedPath = NewPath();
            File.Copy(old.Path, changedPath);
            GgufTensor embedding = old.FindTensor("token_embd.weight")!;
            long rowBytes = embedding.Format.ByteCount(embedding.RowLength);
            using (FileStream stream = File.OpenWrite(changedPath))
            {
                stream.Position = embedding.FileOffset + (((row + embedding.RowCount) % embedding.RowCount) * rowBytes);
                stream.Write(new byte[rowBytes]);
            }

            using GgufFile changed = GgufFile.Open(changedPath);
            QuantizationPlan plan = QuantizationPlan.Create(changed, FileType.Q4_K_M);
            string path = NewPath();
            Assert.Equal(plan.Tensors.Count(tensor => !tensor.IsCopied) - 1, Run(plan, path, new() { Reuse = earlier }).TensorsReused);
            AssertIsWhole(plan, path);
        }
    }

    [Fact]
    public void A_tensor_that_has_changed_in_the_earlier_file_is_quantized_again()
    {
        using GgufFile source = GgufFile.Open(models.PathOf("dense"));
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q4_K_M);
        string earlierPath = NewPath();
        Run(plan, earlierPath, s_recording);
        long offset;
        using (GgufFile whole = GgufFile.Open(earlierPath))
            offset = whole.FindTensor("blk.0.ffn_up.weight") is { } tensor ? tensor.FileOffset + tensor.ByteCount - 1 : 0;
        using (FileStream stream = File.Open(earlierPath, FileMode.Open))
        {
            stream.Position = offset;
            int last = stream.ReadByte();
            stream.Position = offset;
            stream.WriteByte((byte)(last ^ 1));
        }

        using GgufFile earlier = GgufFile.Open(earlierPath);
        string path = NewPath();
        Assert.Equal(plan.Tensors.Count(tensor => !tensor.IsCopied) - 1, Run(plan, path, new() { Reuse = earlier }).TensorsReused);
        AssertIsWhole(plan, path);
    }

    [Fact]
    public void Tensors_from_other_weights_or_importance_are_not_reused()
    {
        using GgufFile source = GgufFile.Open(models.PathOf("dense"));
        string matrix = NewPath();
        TestImatrix.For(source).WriteGguf(matrix);
        string earlierPath = NewPath();
        Run(QuantizationPlan.Create(source, FileType.Q4_K_S), earlierPath, s_recording);
        using GgufFile earlier = GgufFile.Open(earlierPath);

        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q4_K_S, new() { Imatrix = ImatrixFile.Open(matrix, TestContext.Current.CancellationToken) });
        string path = NewPath();
        QuantizationResult result = Run(plan, path, new() { Reuse = earlier });

        // The matrix has no entries for the embeddings and the output.
        Assert.Equal(2, result.TensorsReused);
        AssertIsWhole(plan, path);
    }

    private static void Fill(string path)
    {
        long length = new FileInfo(path).Length;
        using FileStream stream = File.OpenWrite(path);
        stream.Write(Enumerable.Repeat((byte)0xAB, (int)length + 100).ToArray());
    }

    private string CancelHalfway(QuantizationPlan plan)
    {
        string path = NewPath();
        using CancellationTokenSource cancellation = new();
        CountingDevice device = new(plan.Tensors.Count(tensor => !tensor.IsCopied) / 2, cancellation);
        Assert.ThrowsAny<OperationCanceledException>(
            () => new Quantizer(new() { Resume = true, Device = device }).Run(plan, path, overwrite: false, progress: null, cancellation.Token));
        Assert.False(File.Exists(path));
        Assert.True(File.Exists($"{path}.partial"));
        return path;
    }

    private static QuantizationResult Run(QuantizationPlan plan, string path, QuantizerOptions? options = null) =>
        new Quantizer(options).Run(plan, path, overwrite: false, progress: null, TestContext.Current.CancellationToken);

    private void AssertIsWhole(QuantizationPlan plan, string path)
    {
        string expected = NewPath();
        Run(plan, expected);
        Assert.True(File.ReadAllBytes(expected).AsSpan().SequenceEqual(File.ReadAllBytes(path)));
    }

    private string NewPath() => Path.Combine(models.Folder, $"{Guid.NewGuid():N}.gguf");

    /// <summary>The processor, which cancels the work after some jobs.</summary>
    private sealed class CountingDevice(int jobs, CancellationTokenSource cancellation) : IQuantizationDevice
    {
        private readonly CpuDevice _inner = new(threads: 1);
        private int _jobs = jobs;

        public string Name => _inner.Name;

        public int Parallelism => _inner.Parallelism;

        public int PreferredWeights => _inner.PreferredWeights;

        public bool CanQuantize(GgmlType source, GgmlType target) => _inner.CanQuantize(source, target);

        public System.Buffers.IMemoryOwner<byte> Allocate(int bytes) => _inner.Allocate(bytes);

        public WeightFault? Quantize(QuantizationJob job, CancellationToken token)
        {
            if (Interlocked.Decrement(ref _jobs) == 0)
                cancellation.Cancel();
            return _inner.Quantize(job, token);
        }

        public void Dispose() => _inner.Dispose();
    }

    /// <summary>This machine's file system on a disk with little room.</summary>
    private sealed class LimitedDisk(long freeBytes) : IFileSystem
    {
        private readonly IFileSystem _native = FileSystem.Native;

        public TimeSpan Patience => _native.Patience;

        public FileIdentity? Identify(string path) => _native.Identify(path);

        public bool IsSpecial(string path) => _native.IsSpecial(path);

        public long? FindFreeBytes(string folder) => freeBytes;

        public long CountAllocatedBytes(string path) => _native.CountAllocatedBytes(path);

        public void Flush(SafeFileHandle file, string path) => _native.Flush(file, path);

        public void FlushFolder(string path) => _native.FlushFolder(path);

        public void TryReplacing(string path) => _native.TryReplacing(path);

        public bool IsInUse(Exception exception) => _native.IsInUse(exception);
    }
}
