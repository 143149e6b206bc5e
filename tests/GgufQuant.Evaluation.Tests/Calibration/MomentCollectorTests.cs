using System.Runtime.InteropServices;
using GgufQuant.Allocation;
using GgufQuant.Calibration;
using GgufQuant.Evaluation.Calibration;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Hosting;
using GgufQuant.Evaluation.Imatrix;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Evaluation.Tests.Hosting;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.Pipeline;
using GgufQuant.Planning;

namespace GgufQuant.Evaluation.Tests.Calibration;

public sealed class MomentCollectorTests
{
    private static readonly ImatrixOptions s_options = new() { Threads = 2, ContextLength = 64, Chunks = 3, IncludeOutput = true };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void Weights_of_the_same_input_share_its_moments()
    {
        using ILanguageModel model = SampleEngine.Load();
        DiscoveredInputs found = MomentCollector.Discover(model, Sample.Calibration, s_options);
        // Four inputs per layer and the output's.
        Assert.Equal((6 * 4) + 1, found.Inputs.Count);
        Assert.Equal(["blk.0.attn_k.weight", "blk.0.attn_q.weight", "blk.0.attn_v.weight"], SharingWith(found, "blk.0.attn_q.weight"));
        Assert.Equal(["blk.5.ffn_gate.weight", "blk.5.ffn_up.weight"], SharingWith(found, "blk.5.ffn_up.weight"));
        Assert.Equal(["blk.5.ffn_down.weight"], SharingWith(found, "blk.5.ffn_down.weight"));
        Assert.Equal(768, found.Inputs.Single(input => input.Name == "blk.5.ffn_down.weight").Columns);
        Assert.Equal((3, 64, 3 * 64), (found.Chunks, found.ChunkSize, found.ProbeTokens.Length));
    }

    [Fact]
    public void Experts_share_their_layers_input_and_have_their_own_for_what_they_make_of_it()
    {
        using TemporaryFolder folder = new();
        ExpertModel.Write(folder.File("experts.gguf"));
        using ILanguageModel model = SampleEngine.Load(folder.File("experts.gguf"));
        DiscoveredInputs found = MomentCollector.Discover(model, Sample.Calibration, s_options);
        Assert.Equal(["blk.0.ffn_gate_exps.weight", "blk.0.ffn_up_exps.weight"], SharingWith(found, "blk.0.ffn_up_exps.weight"));
        Assert.Equal(["blk.0.ffn_down_exps.weight"], SharingWith(found, "blk.0.ffn_down_exps.weight"));
        CalibratedInput[] inputs =
            [.. new[] { "blk.0.ffn_up_exps.weight", "blk.0.ffn_down_exps.weight" }.Select(name => found.Inputs.Single(input => input.Weights.Contains(name)))];
        Assert.Equal([1, ExpertModel.Experts], inputs.Select(input => input.Matrices));
        Assert.Equal([1, ExpertModel.UsedExperts], inputs.Select(input => input.UsesPerToken));
        (IReadOnlyList<MomentSums[]> sums, ImatrixData? matrix, _) = MomentCollector.Collect(model, Sample.Calibration, s_options, inputs, withMatrix: true, null);
        Assert.Equal(3 * 64, Assert.Single(sums[0]).Tokens);
        Assert.Equal(3 * 64 * ExpertModel.UsedExperts, sums[1].Sum(expert => expert.Tokens));

        // The diagonal is the importance matrix, which llama-imatrix's rules collect expert by expert.
        ImatrixSums expected = matrix!.Entries["blk.0.ffn_down_exps.weight"];
        Assert.Equal(expected.Counts, sums[1].Select(expert => expert.Tokens));
        for (int expert = 0; expert < ExpertModel.Experts; expert++)
        {
            float[] half = Read(sums[1][expert]);
            for (int i = 0, at = 0; i < 768; at += 768 - i++)
                Assert.Equal(expected.Squares[(expert * 768) + i], half[at], 1e-4 * Math.Max(1e-9, expected.Squares[(expert * 768) + i]));
        }
    }

    [Fact]
    public void Each_expert_is_rounded_and_measured_with_its_own_moments()
    {
        using TemporaryFolder folder = new();
        ExpertModel.Write(folder.File("experts.gguf"));
        using GgufFile model = GgufFile.Open(folder.File("experts.gguf"));
        using RemoteEngine engine = new(FaultyHost.Command(), SampleEngine.Location);
        RemoteMomentCollector collector = new(engine, model, Repository.PathOf("samples", "calibration.txt"), s_options with { Chunks = 8 });
        DiscoveredInputs found = collector.Discover(null, Token);
        collector.Collect(found, CalibrationPasses.Plan(found.Inputs, 1L << 30), folder.File("calibration.gguf"), overwrite: false, null, Token);
        using CalibrationFile calibration = CalibrationFile.Open(folder.File("calibration.gguf"), Token);
        GgufTensor down = model.FindTensor("blk.0.ffn_down_exps.weight")!;
        InputMoments moments = calibration.Find(down.Name)!;
        Assert.Equal(ExpertModel.Experts, moments.Matrices.Count);
        Assert.All(moments.Matrices, expert => Assert.InRange(expert.Tokens, 1, 8 * 64 * ExpertModel.UsedExperts));
        Assert.Empty(calibration.Find("blk.0.ffn_up_exps.weight")!.Matrices);

        string quantized = folder.File("quantized.gguf");
        new Quantizer().Run(QuantizationPlan.Create(model, FileType.Q4_K_M, new() { Calibration = calibration, TensorTypes = [new("ffn_down_exps", GgmlType.Q3_K)] }), quantized, token: Token);
        using GgufFile file = GgufFile.Open(quantized);
        byte[] actual = file.Read(file.FindTensor(down.Name)!);
        byte[] halves = model.Read(down);
        float[] weights = new float[down.ElementCount];
        down.Format.Dequantize(halves, weights);
        BlockFormat format = BlockFormat.Of(GgmlType.Q3_K);
        int perExpert = weights.Length / ExpertModel.Experts;
        int bytesPerExpert = (int)format.ByteCount(perExpert);
        byte[] first = [];
        for (int expert = 0; expert < ExpertModel.Experts; expert++)
        {
            byte[] expected = new byte[bytesPerExpert];
            RoundingFactor factor = RoundingFactor.Create(moments.Matrices[expert], 1, Token);
            new MomentRounder(SegmentRounder.Find(GgmlType.Q3_K)!, factor).Quantize(weights.AsSpan(expert * perExpert, perExpert), expected, Token);
            Assert.Equal(expected, actual[(expert * bytesPerExpert)..((expert + 1) * bytesPerExpert)]);
            first = expert == 0 ? expected : first;
        }
        Assert.NotEqual(first, actual[bytesPerExpert..(2 * bytesPerExpert)]);

        // The whole A + B way: errors, probes and a choice of types.
        TypeAllocator allocator = new(model, new() { Calibration = calibration }, [GgmlType.Q2_K, GgmlType.Q4_K, GgmlType.Q6_K]);
        MeasuredCosts costs = allocator.MeasureErrors(MeasuredCosts.None, new(2, 1L << 30), null, Token);
        OutputError measured = costs.Errors[(down.Name, GgmlType.Q4_K)];
        Assert.True(measured.Value > 0);
        IReadOnlyDictionary<string, GroupProbe> probes = new RemoteProber(engine, model.Path, calibration.Path, 2, 1L << 30).Measure(allocator.Groups, null, Token);
        Assert.True(probes["ffn_down_exps first"].Coefficient > 0);
        costs = costs.With(probes.Select(probe => KeyValuePair.Create(probe.Key, probe.Value.Coefficient!.Value)), []);
        QuantizationPlan plan = allocator.Allocate(SizeTarget.OfBitsPerWeight(4.25), costs, Token);
        Assert.InRange(plan.BitsPerWeight, 4, 4.25);
    }

    [Fact]
    public void The_time_is_estimated_from_the_evaluation_of_every_pass_and_the_products_of_every_input()
    {
        CalibratedInput dense = new("a", 1024, 1024, ["a"]);
        CalibratedInput own = new("b", 256, 256, ["b"]) { Matrices = 64, UsesPerToken = 2 };
        DiscoveredInputs discovered = new([dense, own], 10, 512, []) { ChunkSeconds = 3, ProductsPerSecond = 1e9 };
        double products = (1024.0 * 1025 / 2) + (2 * 256.0 * 257 / 2);
        CalibrationPasses one = CalibrationPasses.Plan([dense, own], 1L << 30);
        Assert.Equal(10 * (3 + (products * 512 / 1e9)), one.EstimateTime(discovered).TotalSeconds, 1e-3);
        CalibrationPasses two = CalibrationPasses.Plan([dense, own], 11 << 20);
        Assert.Equal(2, two.Passes.Count);
        Assert.Equal(10 * 3, (two.EstimateTime(discovered) - one.EstimateTime(discovered)).TotalSeconds, 1e-3);
    }

    [Fact]
    public void The_speed_of_the_model_and_of_summing_is_measured_when_the_inputs_are_found()
    {
        using ILanguageModel model = SampleEngine.Load();
        DiscoveredInputs found = MomentCollector.Discover(model, Sample.Calibration, s_options);
        Assert.InRange(found.ChunkSeconds, 1e-5, 60);
        Assert.InRange(found.ProductsPerSecond, 1e6, 1e13);
    }

    [Fact]
    public void Experts_own_inputs_become_narrower_before_others_and_go_last()
    {
        CalibratedInput dense = new("a", 4096, 4096, ["a"]);
        CalibratedInput own = new("b", 2048, 2048, ["b"]) { Matrices = 64 };
        CalibratedInput[] inputs = [dense, own];
        CalibrationPasses whole = CalibrationPasses.Plan(inputs, 1L << 30);
        Assert.True(whole.IsWhole);
        CalibrationPasses narrower = CalibrationPasses.Plan(inputs, 128 << 20);
        Assert.Equal([4096, 256], narrower.Inputs.Select(input => input.Width));
        CalibrationPasses none = CalibrationPasses.Plan(inputs, 40 << 20);
        Assert.Equal(("a", 4096), none.Inputs.Select(input => (input.Name, input.Width)).Single());
        // Rounding 4,096 columns takes more than collecting them.
        Assert.Equal([2048, 2048], CalibrationPasses.Plan(inputs, 1L << 30, null, 256 << 20).Inputs.Select(input => input.Width));
    }

    [Theory]
    [InlineData(768)]
    [InlineData(512)]
    public void Moments_are_those_of_an_independent_accumulation(int width)
    {
        CalibratedInput input = new("blk.2.ffn_down.weight", 768, width, ["blk.2.ffn_down.weight"]);
        using ILanguageModel model = SampleEngine.Load();
        (IReadOnlyList<MomentSums[]> sums, ImatrixData? matrix, _) = MomentCollector.Collect(model, Sample.Calibration, s_options, [input], withMatrix: true, null);
        using MemoryStream stream = new();
        sums[0][0].Write(stream);
        stream.Position = 0;
        using BinaryReader reader = new(stream);

        Rows rows = new(input.Name);
        CorpusChunks corpus = CorpusChunks.Create(model, Sample.Calibration, 64, 3);
        using IEvaluationContext context = model.CreateContext(new() { Threads = 2, ContextLength = 64, Observer = rows });
        for (int chunk = 0; chunk < 3; chunk++)
        {
            context.Reset();
            context.Evaluate(corpus.Evaluated(chunk), 0, 0, Token);
        }
        Assert.Equal(3 * 64, rows.All.Count);
        Assert.Equal(rows.All.Count, sums[0][0].Tokens);
        for (int i = 0; i < 768; i++)
        {
            for (int j = i; j < Math.Min(768, ((i / width) + 1) * width); j++)
            {
                float actual = reader.ReadSingle();
                if ((i + j) % 16 != 0)
                    continue;
                double expected = rows.All.Sum(row => (double)row[i] * row[j]);
                double size = rows.All.Sum(row => Math.Abs((double)row[i] * row[j]));
                Assert.Equal(expected, actual, 1e-5 * size);
                if (i == j)
                    Assert.Equal(expected, matrix!.Entries[input.Name].Squares[i], 1e-5 * size);
            }
        }
        Assert.Equal(stream.Length, stream.Position);
        Assert.True(matrix!.Entries.ContainsKey("output.weight"));
    }

    [Fact]
    public void A_budget_decides_on_widths_and_passes()
    {
        CalibratedInput[] inputs = [.. Enumerable.Range(0, 8).Select(i => new CalibratedInput($"{i}", i % 4 == 3 ? 2048 : 1024, i % 4 == 3 ? 2048 : 1024, [$"{i}"]))];
        long whole = inputs.Sum(MomentSums.BytesFor);

        CalibrationPasses one = CalibrationPasses.Plan(inputs, whole);
        Assert.True(one.IsWhole);
        Assert.Equal((1, whole), (one.Passes.Count, one.MemoryBytes));

        CalibrationPasses three = CalibrationPasses.Plan(inputs, whole / 2);
        Assert.True(three.IsWhole);
        Assert.InRange(three.Passes.Count, 2, 3);
        Assert.InRange(three.MemoryBytes, 1, whole / 2);

        CalibrationPasses narrow = CalibrationPasses.Plan(inputs, whole / 8);
        Assert.InRange(narrow.Width, 256, 1024);
        Assert.InRange(narrow.Passes.Count, 1, 3);

        Assert.Equal(512, CalibrationPasses.Plan(inputs, whole, 512).Width);
        Assert.Contains("at least", Assert.Throws<CalibrationException>(() => CalibrationPasses.Plan(inputs, 1 << 16)).Message);
    }

    [Fact]
    public void A_calibration_lowers_the_divergence_at_the_same_size_in_one_pass_or_several()
    {
        using TemporaryFolder folder = new();
        using GgufFile model = GgufFile.Open(Sample.Model);
        using RemoteEngine engine = new(FaultyHost.Command(), SampleEngine.Location);
        ImatrixOptions options = new() { Threads = 2, Chunks = 20, IncludeOutput = true };
        RemoteMomentCollector collector = new(engine, model, Repository.PathOf("samples", "calibration.txt"), options);
        DiscoveredInputs found = collector.Discover(null, Token);
        CalibrationPasses several = CalibrationPasses.Plan(found.Inputs, found.Inputs.Sum(MomentSums.BytesFor) / 2);
        Assert.InRange(several.Passes.Count, 2, 3);
        Collector progress = new();
        collector.Collect(found, CalibrationPasses.Plan(found.Inputs, 1L << 30), folder.File("one.gguf"), overwrite: false, null, Token);
        PerplexityResult perplexity = collector.Collect(found, several, folder.File("several.gguf"), overwrite: false, progress, Token);
        Assert.InRange(perplexity.Perplexity.Value, 5, 60);
        Assert.Equal(1, progress.Values[^1].Share);
        Assert.StartsWith($"Pass {several.Passes.Count} of {several.Passes.Count}, ", progress.Values[^1].Status);
        Assert.Equal(2, Directory.GetFileSystemEntries(Path.GetDirectoryName(folder.File("one.gguf"))!).Length);

        using CalibrationFile calibration = CalibrationFile.Open(folder.File("one.gguf"), Token);
        Assert.Equal(25, calibration.Inputs.Count);
        using (CalibrationFile other = CalibrationFile.Open(folder.File("several.gguf"), Token))
            Assert.Equal(calibration.Id, other.Id);

        using QualityMeter meter = new(SampleEngine.Start(), Sample.Model, Sample.HeldOut, new() { Threads = 2, Chunks = 16 });
        double plain = Divergence(new() { Imatrix = calibration.Imatrix });
        double calibrated = Divergence(new() { Calibration = calibration });
        Assert.True(calibrated < 0.85 * plain, $"{calibrated} is not much less than {plain}.");

        double Divergence(QuantizationOptions quantization)
        {
            string path = folder.File("candidate.gguf");
            new Quantizer().Run(QuantizationPlan.Create(model, FileType.Q4_K_M, quantization), path, overwrite: true, null, Token);
            return meter.Measure(path, null, Token).KlDivergence.Value;
        }
    }

    private static float[] Read(MomentSums sums)
    {
        using MemoryStream stream = new();
        sums.Write(stream);
        return MemoryMarshal.Cast<byte, float>(stream.ToArray()).ToArray();
    }

    private static IEnumerable<string> SharingWith(DiscoveredInputs found, string weight) =>
        found.Inputs.Single(input => input.Weights.Contains(weight)).Weights.Order(StringComparer.Ordinal);

    /// <summary>The rows of one weight's input.</summary>
    private sealed class Rows(string weight) : IActivationObserver
    {
        public List<float[]> All { get; } = [];

        public bool Wants(in MatrixProduct product) => product.WeightName == weight;

        public void Observe(in MatrixProduct product)
        {
            for (long row = 0; row < product.InputShape[1]; row++)
                All.Add(product.InputRow(row, 0, 0).ToArray());
        }
    }
}
