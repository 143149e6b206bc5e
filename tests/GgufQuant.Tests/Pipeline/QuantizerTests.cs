using System.Runtime.InteropServices;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.IO;
using GgufQuant.Pipeline;
using GgufQuant.Planning;
using GgufQuant.Reference;
using GgufQuant.Tests.Gguf;
using GgufQuant.Tests.Planning;

namespace GgufQuant.Tests.Pipeline;

/// <summary>Whole files, against llama_model_quantize's: the same bytes.</summary>
public sealed class QuantizerTests(TestModels models) : IClassFixture<TestModels>
{
    public static TheoryData<string, FileType> ModelsAndTypes => new(
        from model in TestModel.Names.Append("sample")
        where !model.StartsWith("alignment", StringComparison.Ordinal)
        from type in Enum.GetValues<FileType>()
        where type != FileType.NVFP4 && (model is not ("narrow" or "ragged") || type != FileType.Q1_0)
        select new TheoryDataRow<string, FileType>(model, type).WithTrait("Model", model));

    public static TheoryData<GgmlType> QuantizedTypes =>
        [.. BlockFormat.All.Where(format => format.IsQuantized && format.CanQuantize).Select(format => format.Type)];

    [Theory]
    [MemberData(nameof(ModelsAndTypes))]
    public void A_file_is_the_one_llama_writes(string model, FileType type)
    {
        Skip.UnlessMade(model, type);
        Skip.UnlessExact(type);
        using GgufFile source = GgufFile.Open(models.PathOf(model));
        if (NeedsImportance(source, type) is { } tensor)
        {
            QuantizationException thrown = Assert.Throws<QuantizationException>(() => QuantizationPlan.Create(source, type));
            Assert.Contains($"{type} needs an importance matrix: tensor '{tensor}'", thrown.Message, StringComparison.Ordinal);
            InvalidOperationException expected = Assert.Throws<InvalidOperationException>(() => ReferenceQuantizer.Quantize(source.Path, NewPath(), type, new()));
            Assert.Contains($"offending tensor: {tensor}\n", expected.Message, StringComparison.Ordinal);
            return;
        }
        QuantizationPlan plan = QuantizationPlan.Create(source, type);
        AssertSameFile(plan, new ReferenceQuantizerOptions { Threads = 2 });
    }

    [Theory]
    [MemberData(nameof(ModelsAndTypes))]
    public void A_file_with_importance_is_the_one_llama_writes(string model, FileType type)
    {
        Skip.UnlessMade(model, type);
        Skip.UnlessExact(type);
        using GgufFile source = GgufFile.Open(models.PathOf(model));
        TestImatrix imatrix = TestImatrix.For(source);
        string path = NewPath();
        imatrix.WriteGguf(path);
        ImatrixFile matrix = ImatrixFile.Open(path, TestContext.Current.CancellationToken);
        QuantizationPlan plan = QuantizationPlan.Create(source, type, new() { Imatrix = matrix });
        AssertSameFile(plan, new ReferenceQuantizerOptions
        {
            Threads = 2,
            ImportanceMatrix = imatrix.Means(),
            Overrides =
            [
                ("quantize.imatrix.file", path), ("quantize.imatrix.dataset", "first.txt"),
                ("quantize.imatrix.entries_count", (long)imatrix.Entries.Count), ("quantize.imatrix.chunks_count", 2000L),
            ],
        });
    }

    [ReferenceTheory(ReferenceKind.Exact)]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(7)]
    public void The_number_of_threads_does_not_change_the_bytes(int threads)
    {
        using GgufFile source = GgufFile.Open(Sample.Model);
        AssertSameFile(QuantizationPlan.Create(source, FileType.Q4_K_M), new ReferenceQuantizerOptions { Threads = threads }, threads);
    }

    [ReferenceTheory(ReferenceKind.Exact)]
    [InlineData("dense")]
    [InlineData("experts-8")]
    public void Options_give_the_file_that_llama_writes(string model)
    {
        using GgufFile source = GgufFile.Open(models.PathOf(model));
        (string Pattern, GgmlType Type)[] rules = [("blk\\.[02]\\.ffn_down", GgmlType.Q8_0), ("ffn_gate", GgmlType.NVFP4), ("ffn_", GgmlType.Q5_K)];
        QuantizationOptions options = new()
        {
            OutputTensorType = GgmlType.BF16,
            TokenEmbeddingType = GgmlType.Q4_0,
            TensorTypes = [.. rules.Select(rule => new TensorTypeRule(rule.Pattern, rule.Type))],
        };
        ReferenceQuantizerOptions reference = new() { OutputTensorType = GgmlType.BF16, TokenEmbeddingType = GgmlType.Q4_0, TensorTypes = rules };
        AssertSameFile(QuantizationPlan.Create(source, FileType.Q4_K_M, options), reference);
        AssertSameFile(QuantizationPlan.Create(source, FileType.Q5_K_M, new() { Pure = true }), new() { Pure = true });
        AssertSameFile(QuantizationPlan.Create(source, FileType.Q6_K, new() { LeaveOutputTensor = true }), new() { LeaveOutputTensor = true });
    }

    // NuGet's build writes the weights of other layers than those it keeps.
    [ReferenceTheory(ReferenceKind.Npm)]
    [InlineData("dense", new[] { 3, 4, 11 })]
    [InlineData("dense", new[] { 0 })]
    [InlineData("experts-8", new[] { 16, 1 })]
    [InlineData("shapes", new[] { 1 })]
    public void Pruned_layers_give_the_file_that_llama_writes(string model, int[] layers)
    {
        using GgufFile source = GgufFile.Open(models.PathOf(model));
        TestImatrix imatrix = TestImatrix.For(source);
        string path = NewPath();
        imatrix.WriteGguf(path);
        int[] sorted = [.. layers.Order()];
        AssertSameFile(QuantizationPlan.Create(source, FileType.Q4_K_M, new() { PruneLayers = layers }), new() { PruneLayers = sorted });
        AssertSameFile(QuantizationPlan.CreateCopy(source, new() { PruneLayers = layers }), new() { PruneLayers = sorted, Copy = true });
        (string Key, object Value)[] keys =
        [
            ("quantize.imatrix.file", path), ("quantize.imatrix.dataset", "first.txt"),
            ("quantize.imatrix.entries_count", (long)imatrix.Entries.Count), ("quantize.imatrix.chunks_count", 2000L),
        ];
        AssertSameFile(
            QuantizationPlan.Create(source, FileType.Q2_K_S, new() { PruneLayers = layers, Imatrix = ImatrixFile.Open(path, TestContext.Current.CancellationToken) }),
            new() { PruneLayers = sorted, ImportanceMatrix = imatrix.Means(), Overrides = keys });
    }

    [Fact]
    public void Pruning_that_would_give_two_tensors_the_same_name_is_rejected()
    {
        // In write order, 'v.blk.10' comes before 'v.blk.2'.
        IEnumerable<string> names = Enumerable.Range(0, 11).Select(i => $"v.blk.{i}.a");
        byte[] bytes = GgufBytes.Write([("general.architecture", "llama")], [.. names.Select(name => GgufBytes.Tensor(name, GgmlType.F32, 4))]);
        using GgufFile source = GgufFile.Open("two.gguf", bytes);
        Assert.Contains("two tensors the name 'v.blk.2.a'", Assert.Throws<QuantizationException>(() => QuantizationPlan.CreateCopy(source, new() { PruneLayers = [5] })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tensor_without_dimensions_is_one_weight()
    {
        byte[] bytes = GgufBytes.Write([("general.architecture", "llama")], [GgufBytes.Tensor("t", GgmlType.F32, 1)]);
        int count = bytes.AsSpan().IndexOf("t\u0001\0\0\0"u8) + 1;
        byte[] without = [.. bytes[..count], 0, 0, 0, 0, .. bytes[(count + 4 + 8)..]];
        using GgufFile source = GgufFile.Open("scalar.gguf", [.. without[..^32], .. new byte[8], .. without[^32..]]);
        Assert.Equal([1L], QuantizationPlan.Create(source, FileType.Q4_0).Layout.Files[0].Tensors[0].Shape);
    }

    [Fact]
    public void Pruning_a_missing_layer_is_rejected()
    {
        using GgufFile source = GgufFile.Open(models.PathOf("ragged"));
        Assert.Contains("no layer 7", Assert.Throws<QuantizationException>(() => QuantizationPlan.CreateCopy(source, new() { PruneLayers = [1, 7] })).Message, StringComparison.Ordinal);
        Assert.Contains("without layers", Assert.Throws<QuantizationException>(() => QuantizationPlan.CreateCopy(source, new() { PruneLayers = [0, 1] })).Message, StringComparison.Ordinal);
    }

    [ReferenceTheory]
    [InlineData("dense")]
    [InlineData("tied")]
    [InlineData("bert")]
    [InlineData("experts-8-apart")]
    public void A_copy_of_a_file_that_names_no_type_has_the_one_that_llama_guesses(string model)
    {
        string unnamed = NewPath();
        File.Copy(models.PathOf(model), unnamed);
        GgufMetadataEditor.Apply(unnamed, [], ["general.file_type"], token: TestContext.Current.CancellationToken);
        using GgufFile source = GgufFile.Open(unnamed);
        AssertSameFile(QuantizationPlan.CreateCopy(source), new() { Copy = true });
        string quantized = NewPath();
        new Quantizer().Run(QuantizationPlan.Create(source, FileType.Q4_K_M), quantized, overwrite: false, progress: null, TestContext.Current.CancellationToken);
        GgufMetadataEditor.Apply(quantized, [], ["general.file_type"], token: TestContext.Current.CancellationToken);
        using GgufFile made = GgufFile.Open(quantized);
        AssertSameFile(QuantizationPlan.CreateCopy(made), new() { Copy = true });
    }

    [ReferenceFact(ReferenceKind.Exact)]
    public void Metadata_is_replaced_as_llama_does_and_type_selection_uses_it()
    {
        using GgufFile source = GgufFile.Open(models.PathOf("dense"));
        QuantizationOptions options = new()
        {
            Metadata =
            [
                GgufEntry.Create("general.name", "Another"), GgufEntry.Create("llama.attention.head_count_kv", 1u),
                GgufEntry.Create("test.float", 0.5f), GgufEntry.Create("test.bool", true), GgufEntry.Create("llama.block_count", 12u),
            ],
        };
        ReferenceQuantizerOptions reference = new()
        {
            Overrides = [("general.name", "Another"), ("llama.attention.head_count_kv", 1L), ("test.float", 0.5), ("test.bool", true), ("llama.block_count", 12L)],
        };
        AssertSameFile(QuantizationPlan.Create(source, FileType.Q2_K, options), reference);
        AssertSameFile(QuantizationPlan.CreateCopy(source, options), reference with { Copy = true });
    }

    [ReferenceTheory(ReferenceKind.Exact)]
    [InlineData("dense", FileType.Q4_K_M)]
    [InlineData("experts-2", FileType.Q3_K_L)]
    public void Shards_are_kept_as_llama_keeps_them(string model, FileType type)
    {
        using GgufFile whole = GgufFile.Open(models.PathOf(model));
        IReadOnlyList<string> shards = GgufSplitter.Split(whole, NewPath(), new GgufSplitOptions { MaxTensors = 20 }, progress: null, TestContext.Current.CancellationToken);
        using GgufFile source = GgufFile.Open(shards[1]);
        (string expected, string actual) = (NewPath(), NewPath());
        ReferenceQuantizer.Quantize(source.Path, expected, type, new() { KeepSplit = true });
        QuantizationPlan plan = QuantizationPlan.Create(source, type, new() { KeepSplit = true });
        QuantizationResult result = Run(plan, actual);

        Assert.InRange(plan.PathsAt(actual).Count, 2, 20);
        Assert.Equal((plan.PathsAt(actual)[0], plan.TotalBytes), (result.Path, result.Size));
        for (int i = 0; i < shards.Count; i++)
        {
            byte[] reference = File.ReadAllBytes($"{expected}-{i + 1:D5}-of-{shards.Count:D5}.gguf");
            Assert.True(reference.AsSpan().SequenceEqual(File.ReadAllBytes(plan.PathsAt(actual)[i])), $"Shard {i + 1} differs.");
        }
        AssertSameFile(QuantizationPlan.Create(source, type), new());
    }

    [Fact]
    public void Shards_of_a_size_are_those_of_the_whole_file_split()
    {
        using GgufFile source = GgufFile.Open(Sample.Model);
        GgufSplitOptions split = new() { MaxBytes = 1_000_000 };
        (string whole, string sharded) = (NewPath(), NewPath());
        Run(QuantizationPlan.Create(source, FileType.Q4_K_M), whole);
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q4_K_M, new() { Split = split });
        Run(plan, sharded);

        using GgufFile quantized = GgufFile.Open(whole);
        IReadOnlyList<string> expected = GgufSplitter.Split(quantized, NewPath(), split, progress: null, TestContext.Current.CancellationToken);
        IReadOnlyList<string> actual = plan.PathsAt(sharded);
        Assert.Equal(expected.Count, actual.Count);
        Assert.All(expected.Zip(actual), pair => Assert.Equal(File.ReadAllBytes(pair.First), File.ReadAllBytes(pair.Second)));
        Assert.False(File.Exists(sharded));
    }

    [Fact]
    public void Metadata_that_llama_truncates_is_kept_whole()
    {
        using GgufFile source = GgufFile.Open(models.PathOf("dense"));
        string text = new('x', 1000);
        string path = NewPath();
        Run(QuantizationPlan.CreateCopy(source, new() { Metadata = [GgufEntry.Create("test.text", text), GgufEntry.Create("test.negative", -5L)] }), path);
        using GgufFile written = GgufFile.Open(path);
        Assert.Equal((text, -5L), (written.Metadata.Find("test.text")!.Value, written.Metadata.Find("test.negative")!.Value));
    }

    [ReferenceTheory(ReferenceKind.Exact)]
    [InlineData(FileType.Q8_0, FileType.Q4_K_M)]
    [InlineData(FileType.Q4_K_M, FileType.Q4_K_S)]
    [InlineData(FileType.Q5_K_M, FileType.F16)]
    [InlineData(FileType.Q4_0, FileType.F32)]
    public void A_quantized_model_is_requantized_as_llama_does(FileType first, FileType second)
    {
        string path = NewPath();
        using (GgufFile source = GgufFile.Open(models.PathOf("dense")))
            Run(QuantizationPlan.Create(source, first), path);
        using GgufFile quantized = GgufFile.Open(path);
        QuantizationException thrown = Assert.Throws<QuantizationException>(() => QuantizationPlan.Create(quantized, second));
        Assert.Contains("is already quantized", thrown.Message, StringComparison.Ordinal);
        AssertSameFile(QuantizationPlan.Create(quantized, second, new() { AllowRequantize = true }), new() { AllowRequantize = true });
    }

    [ReferenceTheory(ReferenceKind.Exact)]
    [MemberData(nameof(QuantizedTypes))]
    public void A_tensor_of_any_quantized_type_is_requantized_as_llama_does(GgmlType type)
    {
        const int RowLength = 512;
        BlockFormat format = BlockFormat.Of(type);
        float[] weights = WeightData.Make("gaussian", RowLength * 40);
        byte[] blocks = new byte[format.ByteCount(weights.Length)];
        format.Quantize(weights, RowLength, WeightData.MakeImportance(RowLength), blocks);
        using GgufFile source = GgufFile.Open(WriteSingle("blk.0.ffn_up.weight", type, RowLength, blocks));
        Assert.Throws<QuantizationException>(() => QuantizationPlan.Create(source, type == GgmlType.Q5_K ? FileType.Q6_K : FileType.Q5_K_S));
        foreach (FileType target in new[] { FileType.Q4_0, FileType.Q4_K_S, FileType.Q8_0, FileType.BF16, FileType.F32 })
            AssertSameFile(QuantizationPlan.Create(source, target, new() { AllowRequantize = true }), new() { AllowRequantize = true });
    }

    [ReferenceTheory]
    [InlineData(8)]
    [InlineData(128)]
    public void An_alignment_that_llama_contradicts_is_honoured(int alignment)
    {
        using GgufFile source = GgufFile.Open(models.PathOf($"alignment-{alignment}"));
        string path = NewPath();
        Run(QuantizationPlan.Create(source, FileType.Q8_0), path);
        using GgufFile written = GgufFile.Open(path);
        Assert.Equal(alignment, written.Alignment);
        Assert.All(written.Tensors, tensor => Assert.Equal(0, tensor.FileOffset % alignment));

        string reference = NewPath();
        ReferenceQuantizer.Quantize(source.Path, reference, FileType.Q8_0, new());
        Assert.Throws<GgufFormatException>(() => GgufFile.Open(reference));
    }

    [Theory]
    [InlineData(GgmlType.F16, float.NaN, "NaN")]
    [InlineData(GgmlType.F16, float.NegativeInfinity, "-Infinity")]
    [InlineData(GgmlType.F32, float.PositiveInfinity, "Infinity")]
    [InlineData(GgmlType.BF16, float.NaN, "NaN")]
    public void A_weight_that_is_not_finite_is_reported_by_name_row_and_column(GgmlType type, float bad, string printed)
    {
        float[] weights = new float[512 * 300];
        weights[(512 * 123) + 45] = bad;
        weights[(512 * 299) + 1] = bad;
        string path = WriteSingle("blk.0.ffn_up.weight", type, 512, weights);
        using GgufFile source = GgufFile.Open(path);
        string destination = NewPath();

        foreach (FileType target in new[] { FileType.Q4_K_M, FileType.F16 })
        {
            QuantizationException thrown = Assert.Throws<QuantizationException>(
                () => Run(QuantizationPlan.Create(source, target), destination));
            Assert.Contains($"'blk.0.ffn_up.weight' in the source contains {printed} at row 123, column 45", thrown.Message, StringComparison.Ordinal);
            AssertNothingLeft(destination);
        }
        if (ReferenceLibrary.Missing is null)
            Assert.Throws<InvalidOperationException>(() => ReferenceQuantizer.Quantize(path, destination, FileType.Q4_K_M, new()));
    }

    [Fact]
    public void Weights_that_a_type_cannot_represent_are_rejected()
    {
        float[] weights = new float[512 * 4];
        weights[(512 * 2) + 40] = 1e10f;
        using GgufFile source = GgufFile.Open(WriteSingle("blk.0.ffn_up.weight", GgmlType.F32, 512, weights));
        string destination = NewPath();
        QuantizationException thrown = Assert.Throws<QuantizationException>(
            () => Run(QuantizationPlan.Create(source, FileType.Q8_0), destination));
        Assert.Contains("too large for q8_0, starting at row 2, column 32", thrown.Message, StringComparison.Ordinal);
        AssertNothingLeft(destination);
        if (ReferenceLibrary.Missing is null)
            Assert.Throws<InvalidOperationException>(() => ReferenceQuantizer.Quantize(source.Path, destination, FileType.Q8_0, new()));
    }

    [ReferenceFact(ReferenceKind.Exact)]
    public void A_row_longer_than_a_chunk_is_cut_without_a_trace()
    {
        float[] weights = [.. Enumerable.Range(0, 3 * 300_032).Select(i => MathF.Sin(i * 0.37f))];
        using GgufFile source = GgufFile.Open(WriteSingle("blk.0.ffn_up.weight", GgmlType.F32, 300_032, weights));
        AssertSameFile(QuantizationPlan.Create(source, FileType.Q4_K_M), new());
    }

    [Fact]
    public void Unsupported_types_are_rejected_before_anything_is_written()
    {
        using GgufFile source = GgufFile.Open(models.PathOf("dense"));
        QuantizationOptions options = new() { TensorTypes = [new TensorTypeRule("attn_k", GgmlType.Q8_K)] };
        string path = NewPath();
        QuantizationException thrown = Assert.Throws<QuantizationException>(() => Run(QuantizationPlan.Create(source, FileType.Q4_K_M, options), path));
        Assert.Contains("'blk.0.attn_k.weight' cannot be quantized from f16 to q8_K", thrown.Message, StringComparison.Ordinal);
        AssertNothingLeft(path);

        using GgufFile narrow = GgufFile.Open(models.PathOf("narrow"));
        thrown = Assert.Throws<QuantizationException>(() => QuantizationPlan.Create(narrow, FileType.Q4_K_M, new() { OutputTensorType = GgmlType.Q6_K }));
        Assert.Contains("'output.weight' has rows of 288 weights, which is not a multiple of the q6_K block size 256", thrown.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_existing_file_is_kept_unless_overwriting_is_requested()
    {
        using GgufFile source = GgufFile.Open(models.PathOf("dense"));
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q8_0);
        string path = NewPath();
        File.WriteAllText(path, "precious");
        Assert.Contains("already exists", Assert.Throws<IOException>(() => Run(plan, path)).Message, StringComparison.Ordinal);
        Assert.Equal("precious", File.ReadAllText(path));

        Run(plan, path, overwrite: true);
        Assert.Equal(plan.TotalBytes, new FileInfo(path).Length);
        AssertNoTemporaryFile(path);
    }

    [Fact]
    public void The_source_is_never_overwritten()
    {
        string path = NewPath();
        File.Copy(models.PathOf("dense"), path);
        using GgufFile source = GgufFile.Open(path);
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q8_0);
        Assert.Contains("is the source model", Assert.Throws<IOException>(() => Run(plan, path, overwrite: true)).Message, StringComparison.Ordinal);
        if (!OperatingSystem.IsWindows())
        {
            string link = NewPath();
            File.CreateSymbolicLink(link, path);
            string folderLink = NewPath();
            Directory.CreateSymbolicLink(folderLink, models.Folder);
            Assert.All([link, Path.Combine(folderLink, Path.GetFileName(path))], hidden => Assert.Throws<IOException>(() => Run(plan, hidden, overwrite: true)));
            Directory.Delete(folderLink);
        }
        Assert.Equal(File.ReadAllBytes(models.PathOf("dense")), File.ReadAllBytes(path));
    }

    [Fact]
    public void Cancelling_ends_soon_and_leaves_nothing()
    {
        using GgufFile source = GgufFile.Open(Sample.Model);
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q4_K_M);
        string path = NewPath();
        using CancellationTokenSource cancellation = new();
        long cancelled = 0;
        Progress progress = new(_ =>
        {
            Interlocked.CompareExchange(ref cancelled, System.Diagnostics.Stopwatch.GetTimestamp(), 0);
            cancellation.Cancel();
        });
        Assert.ThrowsAny<OperationCanceledException>(() => new Quantizer().Run(plan, path, overwrite: false, progress, cancellation.Token));
        Assert.InRange(System.Diagnostics.Stopwatch.GetElapsedTime(cancelled), TimeSpan.Zero, TimeSpan.FromSeconds(1));
        AssertNothingLeft(path);
    }

    [Fact]
    public void Progress_and_result_add_up()
    {
        using GgufFile source = GgufFile.Open(Sample.Model);
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q8_0);
        string path = NewPath();
        List<WorkProgress> reports = [];
        Progress progress = new(report =>
        {
            lock (reports)
                reports.Add(report);
        });
        QuantizationResult result = Run(plan, path, options: new QuantizerOptions { Threads = 2 }, progress: progress);

        WorkProgress last = reports[^1];
        Assert.Equal((1.0, TimeSpan.Zero), (last.Share, last.Remaining));
        Assert.Matches($"^{plan.Tensors[^1].Name}, [0-9.]+ M/s$", last.Status);
        Assert.Equal((path, source.Path, FileType.Q8_0), (result.Path, result.Source, result.Type));
        Assert.Equal(new FileInfo(path).Length, result.Size);
        Assert.Equal(source.Length, result.SourceSize);
        Assert.InRange(result.BitsPerWeight, 8.5, 8.6);
        Assert.Equal(1, result.Shares.Sum(share => share.Share), 12);
        Assert.Equal(plan.TensorBytes, result.Shares.Sum(share => share.Bytes));
    }

    [Fact]
    public void A_small_budget_changes_no_byte()
    {
        using GgufFile source = GgufFile.Open(Sample.Model);
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q4_K_M);
        (string small, string large) = (NewPath(), NewPath());
        Run(plan, small, options: new QuantizerOptions { Threads = 32, MemoryBudget = 64 << 20 });
        Run(plan, large, options: new QuantizerOptions { Threads = 1 });
        Assert.True(File.ReadAllBytes(small).AsSpan().SequenceEqual(File.ReadAllBytes(large)));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Quantizer(new QuantizerOptions { MemoryBudget = 1 << 20 }));
    }

    [Fact]
    public void Memory_goes_to_the_jobs_a_device_prefers_before_it_goes_to_its_cores()
    {
        const long Budget = 64 << 20;
        using GgufFile source = GgufFile.Open(Sample.Model);
        QuantizationPlan plan = QuantizationPlan.Create(source, FileType.Q4_0);
        (string expected, string actual) = (NewPath(), NewPath());
        Run(plan, expected);
        using CardOfManyCores card = new();
        Run(plan, actual, options: new QuantizerOptions { Device = card, MemoryBudget = Budget });
        Assert.True(File.ReadAllBytes(expected).AsSpan().SequenceEqual(File.ReadAllBytes(actual)));

        // Half of the budget holds sixteen jobs: two bytes for a half, the float it becomes, and 18 bytes per 32 weights.
        const double Held = Budget / 2 / (2 + 4 + (18.0 / 32));
        Assert.InRange(card.LargestJob, Held / 16 * 0.9, Held / 16);
        Assert.InRange(card.MostAtOnce, card.LargestJob, Held);
    }

    private static QuantizationResult Run(
        QuantizationPlan plan, string path, bool overwrite = false, QuantizerOptions? options = null, IProgress<WorkProgress>? progress = null) =>
        new Quantizer(options).Run(plan, path, overwrite, progress, TestContext.Current.CancellationToken);

    internal static string? NeedsImportance(GgufFile source, FileType type) => QuantizationPlan.ChooseTypes(source, type, new())
        .Where(tensor => !tensor.IsCopied && ImatrixRules.IsRequired(tensor.Name, tensor.Format, type))
        .Select(tensor => tensor.Name)
        .FirstOrDefault();

    private void AssertSameFile(QuantizationPlan plan, ReferenceQuantizerOptions options, int threads = 2)
    {
        (string expected, string actual) = (NewPath(), NewPath());
        ReferenceQuantizer.Quantize(plan.Source.Path, expected, plan.Type.GetValueOrDefault(), options);
        Run(plan, actual, options: new QuantizerOptions { Threads = threads });
        ReadOnlySpan<byte> expectedBytes = File.ReadAllBytes(expected);
        ReadOnlySpan<byte> actualBytes = File.ReadAllBytes(actual);
        File.Delete(expected);
        File.Delete(actual);
        int same = expectedBytes.CommonPrefixLength(actualBytes);
        if (same < expectedBytes.Length || same < actualBytes.Length)
            Assert.Fail($"The files of {expectedBytes.Length} and {actualBytes.Length} bytes part at {same}, in {TensorAt(plan, same)}.");
    }

    private static string TensorAt(QuantizationPlan plan, long offset)
    {
        GgufTensor? tensor = plan.Layout.Files[0].Tensors.LastOrDefault(tensor => tensor.FileOffset <= offset);
        return tensor is null ? "the header" : $"{tensor}";
    }

    private string WriteSingle(string name, GgmlType type, int rowLength, float[] weights) => WriteSingle(name, type, rowLength, type switch
    {
        GgmlType.F32 => MemoryMarshal.AsBytes<float>(weights).ToArray(),
        GgmlType.F16 => MemoryMarshal.AsBytes<Half>([.. weights.Select(weight => (Half)weight)]).ToArray(),
        _ => MemoryMarshal.AsBytes<ushort>([.. weights.Select(weight => (ushort)(BitConverter.SingleToUInt32Bits(weight) >> 16))]).ToArray(),
    });

    private string WriteSingle(string name, GgmlType type, int rowLength, byte[] bytes)
    {
        BlockFormat format = BlockFormat.Of(type);
        (string Key, object Value)[] metadata =
        [
            ("general.architecture", "llama"), ("llama.context_length", 128u), ("llama.embedding_length", 256u), ("llama.block_count", 1u),
            ("llama.feed_forward_length", 512u), ("llama.attention.head_count", 4u), ("llama.attention.layer_norm_rms_epsilon", 1e-5f),
        ];
        string path = NewPath();
        GgufFiles.Write(
            path,
            metadata.Select(entry => GgufEntry.Create(entry.Key, entry.Value)),
            [(new(name, type, [rowLength, bytes.Length / format.ByteCount(rowLength)]), bytes)]);
        return path;
    }

    private string NewPath() => Path.Combine(models.Folder, $"{Guid.NewGuid():N}.gguf");

    private static void AssertNothingLeft(string path)
    {
        Assert.False(File.Exists(path));
        AssertNoTemporaryFile(path);
    }

    private static void AssertNoTemporaryFile(string path) =>
        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(path)!, $"{Path.GetFileName(path)}.*.partial"));

    private sealed class Progress(Action<WorkProgress> report) : IProgress<WorkProgress>
    {
        public void Report(WorkProgress value) => report(value);
    }

    /// <summary>The processor, posing as a card with eight jobs at a time and many cores besides.</summary>
    private sealed class CardOfManyCores : IQuantizationDevice
    {
        private readonly CpuDevice _inner = new();
        private readonly Lock _lock = new();
        private long _now;

        public string Name => _inner.Name;

        public int Parallelism => 64;

        public int PreferredWeights => 4 << 20;

        public int PreferredJobs => 8;

        /// <summary>Weights of the largest job.</summary>
        internal long LargestJob { get; private set; }

        /// <summary>The most weights that have been here at a time.</summary>
        internal long MostAtOnce { get; private set; }

        public bool CanQuantize(GgmlType source, GgmlType target) => _inner.CanQuantize(source, target);

        public System.Buffers.IMemoryOwner<byte> Allocate(int bytes) => _inner.Allocate(bytes);

        public WeightFault? Quantize(QuantizationJob job, CancellationToken token)
        {
            lock (_lock)
            {
                _now += job.Weights;
                LargestJob = Math.Max(LargestJob, job.Weights);
                MostAtOnce = Math.Max(MostAtOnce, _now);
            }
            // Whoever else would bring a job now has the time to.
            token.WaitHandle.WaitOne(50);
            WeightFault? fault = _inner.Quantize(job, token);
            lock (_lock)
                _now -= job.Weights;
            return fault;
        }

        public void Dispose() => _inner.Dispose();
    }
}
