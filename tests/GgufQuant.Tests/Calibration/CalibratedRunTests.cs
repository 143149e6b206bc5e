using System.Runtime.InteropServices;
using GgufQuant.Calibration;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Pipeline;
using GgufQuant.Planning;

namespace GgufQuant.Tests.Calibration;

/// <summary>Files made with one calibration after another, and with damaged ones.</summary>
public sealed class CalibratedRunTests : IDisposable
{
    // Rounded with moments, and as ggml does with importance.
    private static readonly TensorTypeRule[] s_types = [new("attn_v", GgmlType.IQ3_XXS), new("ffn", GgmlType.Q4_0), new("output", GgmlType.Q4_0)];

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("ggufquant-");
    private readonly GgufFile _model = GgufFile.Open(Sample.Model);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        _model.Dispose();
        _folder.Delete(recursive: true);
    }

    [Fact]
    public void A_run_with_another_calibration_continues_nothing()
    {
        using CalibrationFile first = Calibration(1);
        using CalibrationFile second = Calibration(2);
        string path = PathOf("m.gguf");
        using CancellationTokenSource stop = new();
        Assert.ThrowsAny<OperationCanceledException>(() => new Quantizer(new() { Resume = true }).Run(PlanWith(first), path, overwrite: false, new StopHalfway(stop), stop.Token));
        Assert.NotEmpty(_folder.GetFiles("m.gguf.partial"));
        Assert.Equal(0, new Quantizer(new() { Resume = true }).Run(PlanWith(second), path, token: Token).TensorsReused);
        Assert.Equal(Fresh(second), File.ReadAllBytes(path));
    }

    [Fact]
    public void What_an_earlier_file_was_rounded_to_with_another_calibration_is_not_reused()
    {
        using CalibrationFile first = Calibration(1);
        using CalibrationFile second = Calibration(2);
        string earlier = PathOf("earlier.gguf");
        new Quantizer(new() { KeepReuseRecord = true }).Run(PlanWith(first), earlier, token: Token);
        using GgufFile reuse = GgufFile.Open(earlier);
        string path = PathOf("m.gguf");
        QuantizationResult result = new Quantizer(new() { Reuse = reuse }).Run(PlanWith(second), path, token: Token);
        // Embeddings, queries and keys, whose Q8_0 depends on neither moments nor importance.
        Assert.Equal(1 + (2 * 6), result.TensorsReused);
        Assert.Equal(Fresh(second), File.ReadAllBytes(path));
    }

    [Fact]
    public void Files_rounded_with_a_calibration_share_a_pass_with_others()
    {
        using CalibrationFile first = Calibration(1);
        using CalibrationFile second = Calibration(2);
        QuantizationPlan[] plans =
        [
            PlanWith(first), PlanWith(second), Plan(new() { Imatrix = first.Imatrix, TensorTypes = s_types }),
            Plan(new() { TensorTypes = [new("attn_v", GgmlType.IQ3_S), .. s_types[1..]] }),
        ];
        new Quantizer(new() { Threads = 3 }).RunAll([.. plans.Select((plan, index) => new QuantizationOutput(plan, PathOf($"{index}.gguf")))], token: Token);
        foreach ((QuantizationPlan plan, int index) in plans.Select((plan, index) => (plan, index)))
        {
            new Quantizer().Run(plan, PathOf("alone.gguf"), overwrite: true, token: Token);
            Assert.Equal(File.ReadAllBytes(PathOf("alone.gguf")), File.ReadAllBytes(PathOf($"{index}.gguf")));
        }
    }

    [Theory]
    [InlineData(float.NaN, "not a mean of squares")]
    [InlineData(-1f, "not a mean of squares")]
    [InlineData(float.PositiveInfinity, "not a mean of squares")]
    [InlineData(1e30f, "not positive definite")]
    public void A_calibration_with_moments_that_none_are_is_an_error_and_nothing_is_written(float value, string problem)
    {
        string path = PathOf("calibration.gguf");
        TestCalibration.Write(path, _model);
        long offset;
        using (GgufFile file = GgufFile.Open(path))
            offset = file.FindTensor("blk.3.ffn_down.weight.in_moments")!.FileOffset;
        using (FileStream stream = File.OpenWrite(path))
        {
            // A value of the diagonal, or one beside it that is larger than the diagonal allows.
            stream.Position = offset + (problem.Contains("definite", StringComparison.Ordinal) ? sizeof(float) : 0);
            stream.Write(MemoryMarshal.AsBytes([value]));
        }
        using CalibrationFile calibration = CalibrationFile.Open(path, Token);
        string message = Assert.Throws<CalibrationException>(void () => new Quantizer().Run(PlanWith(calibration), PathOf("m.gguf"), token: Token)).Message;
        Assert.Contains("blk.3.ffn_down.weight", message);
        Assert.Contains(problem, message);
        Assert.Equal(["calibration.gguf"], _folder.GetFiles().Select(file => file.Name));
    }

    private byte[] Fresh(CalibrationFile calibration)
    {
        string path = PathOf("fresh.gguf");
        new Quantizer().Run(PlanWith(calibration), path, token: Token);
        return File.ReadAllBytes(path);
    }

    private CalibrationFile Calibration(int seed)
    {
        string path = PathOf($"calibration-{seed}.gguf");
        TestCalibration.Write(path, _model, seed: seed);
        return CalibrationFile.Open(path, Token);
    }

    private QuantizationPlan PlanWith(CalibrationFile calibration) => Plan(new() { Calibration = calibration, TensorTypes = s_types });

    private QuantizationPlan Plan(QuantizationOptions options) => QuantizationPlan.Create(_model, FileType.Q8_0, options);

    private string PathOf(string name) => Path.Combine(_folder.FullName, name);

    private sealed class StopHalfway(CancellationTokenSource stop) : IProgress<WorkProgress>
    {
        public void Report(WorkProgress value)
        {
            if (value.Share > 0.5)
                stop.Cancel();
        }
    }
}
