using GgufQuant.Calibration;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.Pipeline;
using GgufQuant.Planning;

namespace GgufQuant.Tests.Calibration;

/// <summary>Calibration files, and whole files quantized with them.</summary>
public sealed class CalibrationFileTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(InputMoments.MostColumns)]
    [InlineData(256)]
    public void What_is_written_is_read(int width)
    {
        using GgufFile model = GgufFile.Open(Sample.Model);
        using CalibrationFile calibration = Open(Write(model, width: width));
        calibration.CheckModel(model);
        InputMoments query = calibration.Find("blk.0.attn_q.weight")!;
        Assert.Same(query, calibration.Find("blk.0.attn_v.weight"));
        Assert.NotSame(query, calibration.Find("blk.1.attn_v.weight"));
        Assert.Null(calibration.Find("token_embd.weight"));
        InputMoments down = calibration.Find("blk.0.ffn_down.weight")!;
        Assert.Equal(768, down.Columns);
        Assert.Equal(512, down.Tokens);
        Assert.Equal(Math.Min(width, down.Columns), down.Width);
        Assert.Equal(64, calibration.Id.Length);

        float[] means = down.ReadMeans(0);
        Assert.Equal(means[1], means[down.SizeOf(0)]);
        float[] importance = calibration.Imatrix.Find("blk.0.ffn_down.weight")!.ReadMeans();
        Assert.Equal(importance[5], means[(5 * down.SizeOf(0)) + 5], 1e-6f);
    }

    [Fact]
    public void It_is_an_importance_matrix_too()
    {
        using GgufFile model = GgufFile.Open(Sample.Model);
        ImatrixFile matrix = ImatrixFile.Open(Write(model), TestContext.Current.CancellationToken);
        Assert.Equal((2, 256), (matrix.ChunkCount, matrix.ChunkSize));
        Assert.Equal(["text.txt"], matrix.Datasets);
        Assert.NotNull(matrix.Find("blk.0.attn_k.weight"));
    }

    [Fact]
    public void The_same_content_has_the_same_id_and_another_has_another()
    {
        using GgufFile model = GgufFile.Open(Sample.Model);
        using CalibrationFile first = Open(Write(model, "a.gguf"));
        using CalibrationFile second = Open(Write(model, "b.gguf"));
        using CalibrationFile narrow = Open(Write(model, "c.gguf", width: 256));
        Assert.Equal(first.Id, second.Id);
        Assert.NotEqual(first.Id, narrow.Id);
    }

    [Fact]
    public void Another_model_and_a_changed_one_are_distinguished()
    {
        using GgufFile model = GgufFile.Open(Sample.Model);
        string path = Write(model);
        string copy = _folder.File("changed.gguf");
        File.Copy(Sample.Model, copy);
        using (FileStream stream = new(copy, FileMode.Open, FileAccess.ReadWrite))
        {
            stream.Position = model.FindTensor("blk.0.attn_q.weight")!.FileOffset;
            int first = stream.ReadByte();
            stream.Position--;
            stream.WriteByte((byte)(first ^ 1));
        }
        using GgufFile changed = GgufFile.Open(copy);
        using CalibrationFile calibration = Open(path);
        CalibrationException exception = Assert.Throws<CalibrationException>(
            () => QuantizationPlan.Create(changed, FileType.Q4_K_M, new() { Calibration = calibration }));
        Assert.Contains("made from a different model", exception.Message);
    }

    [Fact]
    public void A_model_and_an_importance_matrix_are_no_calibrations()
    {
        Assert.Contains("is not a calibration", Assert.Throws<CalibrationException>(() => Open(Sample.Model)).Message);
        Assert.Throws<GgufFormatException>(() => Open(typeof(CalibrationFileTests).Assembly.Location));
    }

    [Theory]
    [InlineData("calibration.version")]
    [InlineData("calibration.id")]
    [InlineData("calibration.model_hash")]
    [InlineData("calibration.text_hash")]
    [InlineData("calibration.weights")]
    [InlineData("calibration.inputs")]
    [InlineData("calibration.widths")]
    public void A_key_that_is_missing_is_named(string key)
    {
        using GgufFile model = GgufFile.Open(Sample.Model);
        string path = Rewrite(Write(model), entries => entries.Where(entry => entry.Key != key), tensors => tensors);
        Assert.Contains($"'{key}'", Assert.Throws<CalibrationException>(() => Open(path)).Message);
    }

    [Theory]
    [InlineData("calibration.version", 2u)]
    [InlineData("calibration.widths", new uint[] { 1 })]
    [InlineData("calibration.weights", new[] { "blk.0.attn_q.weight" })]
    public void A_key_that_does_not_fit_is_named(string key, object value)
    {
        using GgufFile model = GgufFile.Open(Sample.Model);
        string path = Rewrite(Write(model), entries => entries.Select(entry => entry.Key == key ? GgufEntry.Create(key, value) : entry), tensors => tensors);
        Assert.Contains("cannot be read as a calibration", Assert.Throws<CalibrationException>(() => Open(path)).Message);
    }

    [Theory]
    [InlineData(0u)]
    [InlineData(100u)]
    [InlineData(uint.MaxValue)]
    public void A_width_that_no_block_has_is_an_error(uint width)
    {
        using GgufFile model = GgufFile.Open(Sample.Model);
        string path = Rewrite(
            Write(model),
            entries => entries.Select(entry => entry.Key == "calibration.widths" ? GgufEntry.Create(entry.Key, Enumerable.Repeat(width, (int)entry.Count).ToArray()) : entry),
            tensors => tensors);
        Assert.Contains("'calibration.widths'", Assert.Throws<CalibrationException>(() => Open(path)).Message);
    }

    [Theory]
    [InlineData(".in_moments", 1)]
    [InlineData(".in_tokens", -1)]
    public void A_tensor_that_is_missing_or_of_another_size_is_named(string suffix, int more)
    {
        using GgufFile model = GgufFile.Open(Sample.Model);
        string whole = Write(model);
        string missing = Rewrite(whole, entries => entries, tensors => tensors.Where(tensor => tensor.Name != "blk.0.ffn_down.weight" + suffix));
        Assert.Contains(suffix, Assert.Throws<CalibrationException>(() => Open(missing)).Message);
        string other = Rewrite(
            whole, entries => entries,
            tensors => tensors.Select(tensor => tensor.Name.EndsWith(suffix, StringComparison.Ordinal) ? tensor with { Shape = [tensor.Shape[0] + more] } : tensor));
        Assert.Contains(suffix, Assert.Throws<CalibrationException>(() => Open(other)).Message);
    }

    [Fact]
    public void A_file_that_is_not_finished_leaves_nothing()
    {
        using GgufFile model = GgufFile.Open(Sample.Model);
        string path = _folder.File("x.gguf");
        using (CalibrationWriter writer = new(path, new("", "", [], 0, 1, [new("a", 1, 1, ["a"])], [], []), overwrite: false))
        {
            Assert.Throws<InvalidDataException>(() => writer.WriteMoments([1], new MemoryStream(new byte[3])));
            Assert.Single(_folder.Files);
        }
        Assert.Empty(_folder.Files);
    }

    [Theory]
    [InlineData(FileType.Q2_K)]
    [InlineData(FileType.Q4_K_M)]
    [InlineData(FileType.IQ3_M)]
    public void The_threads_and_the_memory_do_not_show_in_the_bytes(FileType type)
    {
        using GgufFile model = GgufFile.Open(Sample.Model);
        using CalibrationFile calibration = Open(Write(model));
        // One layer takes a fraction of the time.
        QuantizationOptions options = new() { Calibration = calibration, PruneLayers = [1, 2, 3, 4, 5] };
        QuantizationPlan plan = QuantizationPlan.Create(model, type, options);
        Assert.Contains(plan.Tensors, tensor => tensor.Moments is not null);
        byte[] one = Quantize(plan, new() { Threads = 1 });
        Assert.Equal(one, Quantize(plan, new() { Threads = 5, MemoryBudget = 64L << 20 }));

        QuantizationPlan plain = QuantizationPlan.Create(model, type, options with { Calibration = null, Imatrix = calibration.Imatrix });
        Assert.Equal(plain.TensorBytes, plan.TensorBytes);
        Assert.NotEqual(one, Quantize(plain, new()));
    }

    [Fact]
    public void A_file_names_its_calibration_and_a_plain_one_none()
    {
        using GgufFile model = GgufFile.Open(Sample.Model);
        using CalibrationFile calibration = Open(Write(model));
        string path = _folder.File("made.gguf");
        new Quantizer().Run(QuantizationPlan.Create(model, FileType.Q4_0, new() { Calibration = calibration }), path, token: TestContext.Current.CancellationToken);
        using GgufFile made = GgufFile.Open(path);
        Assert.Equal(calibration.Id, made.Metadata.Find(GgufKeys.CalibrationId)!.Value);
        QuantizationPlan plain = QuantizationPlan.Create(model, FileType.Q4_0, new() { Imatrix = calibration.Imatrix });
        Assert.False(plain.Layout.Files[0].Metadata.Contains(GgufKeys.CalibrationId));
    }

    [Fact]
    public async Task Factors_make_room_for_each_other()
    {
        using GgufFile model = GgufFile.Open(Sample.Model);
        using CalibrationFile calibration = Open(Write(model));
        CancellationToken token = TestContext.Current.CancellationToken;
        // Room for one factor of 256 columns, not for two.
        RoundingFactors factors = new(1 << 20, 1);
        Task<int> second;
        using (factors.Rent(calibration.Find("blk.0.attn_q.weight")!, token))
        {
            using RoundingFactors.Lease again = factors.Rent(calibration.Find("blk.0.attn_k.weight")!, token);
            Assert.Equal(256, again.Factor.Columns);
            second = Task.Run(() =>
            {
                using RoundingFactors.Lease other = factors.Rent(calibration.Find("blk.1.attn_q.weight")!, token);
                return other.Factor.Columns;
            }, token);
            await Assert.ThrowsAsync<TimeoutException>(() => second.WaitAsync(TimeSpan.FromMilliseconds(300), token));
        }
        Assert.Equal(256, await second);
    }

    private string Write(GgufFile model, string name = "calibration.gguf", int width = InputMoments.MostColumns)
    {
        string path = _folder.File(name);
        TestCalibration.Write(path, model, width);
        return path;
    }

    private string Rewrite(string path, Func<IEnumerable<GgufEntry>, IEnumerable<GgufEntry>> change, Func<IEnumerable<GgufTensorInfo>, IEnumerable<GgufTensorInfo>> shape)
    {
        string target = _folder.File($"{Guid.NewGuid():N}.gguf");
        using GgufFile file = GgufFile.Open(path);
        GgufWriter layout = new(change(file.Metadata), shape(file.Tensors.Select(tensor => GgufTensorInfo.Of(tensor, tensor.Type))));
        using FileStream stream = File.Create(target);
        layout.WriteHeader(stream);
        stream.SetLength(layout.Length);
        foreach (GgufTensor tensor in layout.Tensors)
        {
            GgufTensor source = file.FindTensor(tensor.Name)!;
            byte[] bytes = new byte[Math.Min(source.ByteCount, tensor.ByteCount)];
            file.Read(source, 0, bytes);
            stream.Position = tensor.FileOffset;
            stream.Write(bytes);
        }
        return target;
    }

    private byte[] Quantize(QuantizationPlan plan, QuantizerOptions options)
    {
        string path = _folder.File("quantized.gguf");
        new Quantizer(options).Run(plan, path, overwrite: true, token: TestContext.Current.CancellationToken);
        return File.ReadAllBytes(path);
    }

    private static CalibrationFile Open(string path) => CalibrationFile.Open(path, TestContext.Current.CancellationToken);
}
