using GgufQuant.Calibration;
using GgufQuant.Evaluation.Calibration;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Hosting;
using GgufQuant.Evaluation.Imatrix;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Evaluation.Tests.Hosting;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Pipeline;
using GgufQuant.Planning;

namespace GgufQuant.Evaluation.Tests.Calibration;

/// <summary>Probes against a model file with the same tensors replaced.</summary>
public sealed class GroupProberTests : IDisposable
{
    private static readonly string[] s_group = ["blk.2.attn_v.weight", "blk.3.attn_v.weight"];

    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_probe_diverges_as_a_file_with_the_rounded_weights_does()
    {
        string calibration = Calibrate();
        GroupProbe probe;
        using (GroupProber prober = new(SampleEngine.Start(), Sample.Model, calibration, threads: 1, factorBudget: 1L << 30))
        {
            Assert.Equal(new(0, 0), prober.Measure(["blk.99.attn_v.weight"], null));
            probe = prober.Measure(s_group, null);
            // Each group starts from the model as it is.
            GroupProbe other = prober.Measure(["output.weight"], null);
            Assert.NotEqual(probe, other);
            Assert.Equal(probe, prober.Measure(s_group, null));
        }
        Assert.InRange(probe.Coefficient!.Value, 1e-9, 1);
        Assert.Equal(1, probe.Divergence / DivergenceOf(Rounded(calibration, RoundingMethod.Moments), calibration), 1e-3);
    }

    [Fact]
    public void A_probe_of_rounding_as_ggml_does_diverges_as_such_a_file_does()
    {
        string calibration = Calibrate();
        using GroupProber prober = new(SampleEngine.Start(), Sample.Model, calibration, threads: 1, factorBudget: 0, RoundingMethod.Ggml);
        GroupProbe probe = prober.Measure(s_group, null);
        Assert.Equal(1, probe.Divergence / DivergenceOf(Rounded(calibration, RoundingMethod.Ggml), calibration), 1e-3);
    }

    [Fact]
    public void The_engine_s_process_measures_the_same()
    {
        string calibration = Calibrate();
        using GgufFile model = GgufFile.Open(Sample.Model);
        using RemoteEngine engine = new(FaultyHost.Command(), SampleEngine.Location);
        RemoteProber remote = new(engine, Sample.Model, calibration, 1, 1L << 30);
        Dictionary<string, GroupProbe> measured = [];
        GroupProbe probe = remote.Measure([new("attn_v 1/2", [.. s_group.Select(name => model.FindTensor(name)!)])], null, Token, measured.Add)["attn_v 1/2"];
        Assert.Equal(probe, measured["attn_v 1/2"]);
        using GroupProber prober = new(SampleEngine.Start(), Sample.Model, calibration, threads: 1, factorBudget: 1L << 30);
        Assert.Equal(prober.Measure(s_group, null), probe);
    }

    [Fact]
    public void All_weights_of_a_writable_model_can_be_overwritten_and_no_others()
    {
        using GgufFile file = GgufFile.Open(Sample.Model);
        using ILanguageModel model = SampleEngine.Start().Load(Sample.Model, new() { IsWritable = true }, Token);
        Assert.All(file.Tensors, tensor => Assert.True(model.CanOverwrite(tensor.Name), tensor.Name));
        Assert.False(model.CanOverwrite("blk.0.attn_z.weight"));
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Overwrite("output.weight", file.FindTensor("output.weight")!.ByteCount - 1, new byte[2]));
        using ILanguageModel mapped = SampleEngine.Load();
        Assert.False(mapped.CanOverwrite("output.weight"));
        Assert.Throws<NotSupportedException>(() => mapped.Overwrite("output.weight", 0, new byte[2]));
    }

    private string Calibrate()
    {
        string path = _folder.File("calibration.gguf");
        using GgufFile model = GgufFile.Open(Sample.Model);
        using RemoteEngine engine = new(FaultyHost.Command(), SampleEngine.Location);
        ImatrixOptions options = new() { Threads = 1, ContextLength = 64, Chunks = 4, IncludeOutput = true };
        RemoteMomentCollector collector = new(engine, model, Repository.PathOf("samples", "calibration.txt"), options);
        DiscoveredInputs discovered = collector.Discover(null, Token);
        collector.Collect(discovered, CalibrationPasses.Plan(discovered.Inputs, 1L << 30), path, overwrite: true, null, Token);
        return path;
    }

    // The sample model with the group's tensors as a quantized file has them.
    private string Rounded(string calibrationPath, RoundingMethod method)
    {
        string quantized = _folder.File("quantized.gguf");
        string rounded = _folder.File("rounded.gguf");
        File.Copy(Sample.Model, rounded);
        using GgufFile model = GgufFile.Open(Sample.Model);
        using CalibrationFile calibration = CalibrationFile.Open(calibrationPath, Token);
        QuantizationOptions options = new()
        {
            Calibration = method == RoundingMethod.Moments ? calibration : null,
            Imatrix = calibration.Imatrix,
            TensorTypes = [new(@"^blk\.[23]\.attn_v", GgmlType.Q3_K)],
        };
        new Quantizer().Run(QuantizationPlan.Create(model, FileType.Q8_0, options), quantized, token: Token);
        using GgufFile file = GgufFile.Open(quantized);
        using FileStream stream = File.OpenWrite(rounded);
        foreach (GgufTensor tensor in s_group.Select(name => file.FindTensor(name)!))
        {
            Assert.Equal(GgmlType.Q3_K, tensor.Type);
            byte[] blocks = new byte[tensor.ByteCount];
            file.Read(tensor, 0, blocks);
            float[] values = new float[tensor.ElementCount];
            tensor.Format.Dequantize(blocks, values);
            GgufTensor stored = model.FindTensor(tensor.Name)!;
            byte[] halves = new byte[stored.ByteCount];
            stored.Format.Quantize(values, (int)stored.RowLength, [], halves);
            stream.Position = stored.FileOffset;
            stream.Write(halves);
        }
        return rounded;
    }

    private static double DivergenceOf(string path, string calibrationPath)
    {
        const int First = 16;
        using CalibrationFile calibration = CalibrationFile.Open(calibrationPath, Token);
        using ILanguageModel model = SampleEngine.Load();
        using ILanguageModel changed = SampleEngine.Load(path);
        ContextOptions options = new() { ContextLength = 64, Threads = 1 };
        using IEvaluationContext expected = model.CreateContext(options);
        using IEvaluationContext actual = changed.CreateContext(options);
        List<double> divergences = [];
        Assert.Equal((4 * 64, 64), (calibration.ProbeTokens.Count, calibration.ProbeLength));
        foreach (int[] chunk in calibration.ProbeTokens.Chunk(64))
        {
            foreach (IEvaluationContext context in (IEvaluationContext[])[expected, actual])
            {
                context.Reset();
                context.Evaluate(chunk, 0, First, Token);
            }
            for (int i = First; i < chunk.Length; i++)
                divergences.Add(TokenDistribution.FromLogits(expected.Logits(i)).DivergenceOf(TokenDistribution.FromLogits(actual.Logits(i))));
        }
        return divergences.Average();
    }
}
