using GgufQuant.Allocation;
using GgufQuant.Calibration;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Pipeline;
using GgufQuant.Planning;
using GgufQuant.Tests.Calibration;

namespace GgufQuant.Tests.Allocation;

/// <summary>The errors of outputs, against those of the file that is written.</summary>
public sealed class OutputErrorsTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ggufquant-");

    private readonly GgufFile _model = GgufFile.Open(Sample.Model);
    private readonly CalibrationFile _calibration;

    public OutputErrorsTests()
    {
        string path = Path.Combine(_folder.FullName, "calibration.gguf");
        TestCalibration.Write(path, _model);
        _calibration = CalibrationFile.Open(path, TestContext.Current.CancellationToken);
    }

    public void Dispose()
    {
        _calibration.Dispose();
        _model.Dispose();
        _folder.Delete(recursive: true);
    }

    [Theory]
    [InlineData("blk.0.attn_q.weight", GgmlType.Q3_K)]
    [InlineData("blk.1.ffn_down.weight", GgmlType.Q2_K)]
    [InlineData("blk.1.attn_v.weight", GgmlType.IQ3_XXS)]
    [InlineData("token_embd.weight", GgmlType.Q4_K)]
    public void An_error_is_that_of_the_written_tensor(string name, GgmlType type)
    {
        CancellationToken token = TestContext.Current.CancellationToken;
        GgufTensor tensor = _model.FindTensor(name)!;

        string written = Path.Combine(_folder.FullName, "m.gguf");
        QuantizationPlan plan = QuantizationPlan.Create(_model, FileType.Q8_0, new() { Calibration = _calibration, TensorTypes = [new($"^{name}$", type)] });
        new Quantizer().Run(plan, written, token: token);
        using GgufFile file = GgufFile.Open(written);

        OutputError error = OutputErrors.Measure(_model, _calibration, [(tensor, type)], RoundingMethod.Moments, new(2, 1L << 30), null, token)[(name, type)];
        Assert.Equal(0, error.StandardError);
        Assert.Equal(1, error.Value / ErrorOf(Read(_model, tensor), Read(file, file.FindTensor(name)!), tensor, _calibration), 1e-3);
        Assert.Equal(error, OutputErrors.Measure(_model, _calibration, [(tensor, type)], RoundingMethod.Moments, new(1, 1L << 30), null, token)[(name, type)]);
    }

    [Fact]
    public void An_error_of_rounding_as_ggml_does_is_that_of_the_file_with_the_importance_matrix()
    {
        CancellationToken token = TestContext.Current.CancellationToken;
        GgufTensor tensor = _model.FindTensor("blk.0.attn_q.weight")!;
        string written = Path.Combine(_folder.FullName, "m.gguf");
        QuantizationPlan plan = QuantizationPlan.Create(_model, FileType.Q8_0, new() { Imatrix = _calibration.Imatrix, TensorTypes = [new($"^{tensor.Name}$", GgmlType.Q3_K)] });
        new Quantizer().Run(plan, written, token: token);
        using GgufFile file = GgufFile.Open(written);

        List<string> measured = [];
        OutputError error = OutputErrors.Measure(
            _model, _calibration, [(tensor, GgmlType.Q3_K), (_model.FindTensor("blk.1.attn_q.weight")!, GgmlType.Q3_K)], RoundingMethod.Ggml, new(2, 1L << 30), null, token,
            errors => measured.AddRange(errors.Keys.Select(key => key.Tensor)))[(tensor.Name, GgmlType.Q3_K)];
        Assert.Equal(["blk.0.attn_q.weight", "blk.1.attn_q.weight"], measured);
        float[] importance = _calibration.Imatrix.Find(tensor.Name)!.ReadMeans();
        float[] before = Read(_model, tensor);
        float[] after = Read(file, file.FindTensor(tensor.Name)!);
        double expected = before.Select((weight, i) => (double)(after[i] - weight) * (after[i] - weight) * importance[i % importance.Length]).Sum();
        Assert.Equal(1, error.Value / expected, 1e-6);
    }

    [Fact]
    public void A_sample_of_rows_tells_the_error_within_its_standard_error()
    {
        CancellationToken token = TestContext.Current.CancellationToken;
        GgufTensor tensor = _model.FindTensor("blk.0.ffn_gate.weight")!;
        TensorRounding rounding = new(_model, tensor, _calibration, RoundingFactor.Create(_calibration.Find(tensor.Name)!, 1, token));
        OutputError all = rounding.Round(GgmlType.Q3_K, (int)tensor.RowCount, 1, null, token);
        OutputError some = rounding.Round(GgmlType.Q3_K, 128, 1, null, token);
        Assert.InRange(some.StandardError / some.Value, 0.001, 0.2);
        Assert.InRange(some.Value - all.Value, -4 * some.StandardError, 4 * some.StandardError);
    }

    [Fact]
    public void A_preview_takes_few_rows_and_says_how_far_off_it_may_be()
    {
        CancellationToken token = TestContext.Current.CancellationToken;
        (GgufTensor, GgmlType?)[] wanted =
            [.. _model.Tensors.Where(tensor => tensor.Name.StartsWith("blk.0.", StringComparison.Ordinal) && tensor.Shape.Length > 1).Select(tensor => (tensor, (GgmlType?)GgmlType.Q3_K))];
        IReadOnlyDictionary<(string Tensor, GgmlType? Type), OutputError> all = OutputErrors.Measure(_model, _calibration, wanted, RoundingMethod.Moments, new(2, 1L << 30), null, token);
        IReadOnlyDictionary<(string Tensor, GgmlType? Type), OutputError> some = OutputErrors.Measure(_model, _calibration, wanted, RoundingMethod.Moments, new(2, 1L << 30, IsQuick: true), null, token);
        Assert.Equal(7, all.Count);
        Assert.All(all, error =>
        {
            OutputError estimate = some[error.Key];
            Assert.Equal(0, error.Value.StandardError);
            Assert.InRange(estimate.StandardError / estimate.Value, 0.001, 0.3);
            Assert.InRange(estimate.Value - error.Value.Value, -4 * estimate.StandardError, 4 * estimate.StandardError);
        });
    }

    [Fact]
    public void A_budget_that_no_factor_fits_is_rejected_before_anything_is_measured()
    {
        CancellationToken token = TestContext.Current.CancellationToken;
        (GgufTensor, GgmlType?)[] wanted = [(_model.FindTensor("blk.0.attn_q.weight")!, GgmlType.Q3_K), (_model.FindTensor("blk.0.ffn_down.weight")!, GgmlType.Q3_K)];
        // Of 768 columns: H and its factor, and a quarter more while they are read; twice that, for the rows.
        long needed = 2L * 2 * 768 * 768 * sizeof(float) / 4 * 5;
        string message = Assert.Throws<QuantizationException>(void () => OutputErrors.Measure(_model, _calibration, wanted, RoundingMethod.Moments, new(1, needed - 1), null, token)).Message;
        Assert.Contains($"{needed:N0} bytes", message);
        Assert.Equal(2, OutputErrors.Measure(_model, _calibration, wanted, RoundingMethod.Moments, new(1, needed), null, token).Count);
    }

    private static float[] Read(GgufFile file, GgufTensor tensor)
    {
        byte[] bytes = new byte[tensor.ByteCount];
        file.Read(tensor, 0, bytes);
        float[] values = new float[tensor.ElementCount];
        tensor.Format.Dequantize(bytes, values);
        return values;
    }

    // With the moments as they are rounded with: what two columns have in common counts less, where there was little text.
    private static double ErrorOf(float[] before, float[] after, GgufTensor tensor, CalibrationFile calibration)
    {
        int columns = (int)tensor.RowLength;
        InputMoments? moments = calibration.Find(tensor.Name);
        float[]? means = moments?.ReadMeans(0);
        double sum = 0;
        for (int row = 0; row < tensor.RowCount; row++)
        {
            float[] errors = [.. Enumerable.Range(row * columns, columns).Select(i => after[i] - before[i])];
            for (int i = 0; i < columns; i++)
            {
                if (means is null)
                {
                    sum += (double)errors[i] * errors[i];
                    continue;
                }
                for (int j = 0; j < columns; j++)
                    sum += (double)errors[i] * errors[j] * means[(i * columns) + j] * (i == j ? 1 : moments!.Tokens / (moments.Tokens + (0.5 * columns)));
            }
        }
        return sum;
    }
}
