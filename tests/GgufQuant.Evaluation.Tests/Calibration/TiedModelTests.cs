using GgufQuant.Allocation;
using GgufQuant.Calibration;
using GgufQuant.Evaluation.Calibration;
using GgufQuant.Evaluation.Hosting;
using GgufQuant.Evaluation.Imatrix;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Evaluation.Tests.Hosting;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Pipeline;
using GgufQuant.Planning;

namespace GgufQuant.Evaluation.Tests.Calibration;

/// <summary>The whole way from a text to a file of a size, for a model of another architecture than the sample's.</summary>
public sealed class TiedModelTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void Rounding_and_types_for_a_size_help_a_model_with_tied_embeddings_and_rows_that_256_does_not_divide()
    {
        using TemporaryFolder folder = new();
        TiedModel.Write(folder.File("tied.gguf"));
        using GgufFile model = GgufFile.Open(folder.File("tied.gguf"));
        using RemoteEngine engine = new(FaultyHost.Command(), SampleEngine.Location);
        ImatrixOptions options = new() { Threads = 1, ContextLength = 64, Chunks = 24, IncludeOutput = true };
        RemoteMomentCollector collector = new(engine, model, Repository.PathOf("samples", "calibration.txt"), options);
        DiscoveredInputs found = collector.Discover(null, Token);
        // Four inputs per layer, and that of the embeddings, which serve as the output.
        Assert.Equal((3 * 4) + 1, found.Inputs.Count);
        Assert.Contains(found.Inputs, input => input.Name == "token_embd.weight" && input.Columns == 320);
        collector.Collect(found, CalibrationPasses.Plan(found.Inputs, 1L << 30), folder.File("calibration.gguf"), overwrite: false, null, Token);
        using CalibrationFile calibration = CalibrationFile.Open(folder.File("calibration.gguf"), Token);

        TypeAllocator allocator = new(model, new() { Calibration = calibration }, [GgmlType.Q4_0, GgmlType.Q5_0, GgmlType.Q5_1, GgmlType.Q8_0]);
        IReadOnlyDictionary<string, GroupProbe> probes = new RemoteProber(engine, model.Path, calibration.Path, 1, 1L << 30).Measure(allocator.Groups, null, Token);
        Assert.All(probes, probe => Assert.True(probe.Value.Coefficient > 0, probe.Key));
        MeasuredCosts costs = allocator.MeasureErrors(MeasuredCosts.None, new(2, 1L << 30), null, Token)
            .With(probes.Select(probe => KeyValuePair.Create(probe.Key, probe.Value.Coefficient!.Value)), []);

        QuantizationPlan plain = QuantizationPlan.Create(model, FileType.Q4_K_M, new() { Imatrix = calibration.Imatrix });
        QuantizationPlan rounded = QuantizationPlan.Create(model, FileType.Q4_K_M, new() { Calibration = calibration });
        QuantizationPlan chosen = allocator.Allocate(SizeTarget.OfBytes(plain.TotalBytes), costs, Token);
        Assert.InRange(chosen.TotalBytes, 0.98 * plain.TotalBytes, plain.TotalBytes);

        using QualityMeter meter = new(SampleEngine.Start(), model.Path, Sample.HeldOut, new() { Threads = 1, Chunks = 6 });
        double[] divergences = [.. new[] { plain, rounded, chosen }.Select(plan =>
        {
            string path = folder.File("candidate.gguf");
            new Quantizer().Run(plan, path, overwrite: true, null, Token);
            return meter.Measure(path, null, Token).KlDivergence.Value;
        })];
        string all = string.Join(", ", divergences);
        Assert.True(divergences[1] < 0.9 * divergences[0], all);
        Assert.True(divergences[2] < 0.9 * divergences[0], all);
    }
}
