using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Imatrix;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.Pipeline;
using GgufQuant.Planning;

namespace GgufQuant.Evaluation.Tests.Imatrix;

public sealed class ImatrixCollectorTests
{
    private static readonly string s_calibrationPath = Repository.PathOf("samples", "calibration.txt");

    private static readonly ImatrixOptions s_options = new() { Threads = 1, ContextLength = 64, Chunks = 3 };

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void The_sums_are_those_of_an_independent_accumulation()
    {
        using ILanguageModel model = SampleEngine.Load();

        (ImatrixData matrix, _) = ImatrixCollector.Collect(model, Sample.Calibration, s_options, cancellationToken: Token);

        Accumulator expected = new();
        CorpusChunks corpus = CorpusChunks.Create(model, Sample.Calibration, 64, 3);
        using IEvaluationContext context = model.CreateContext(new() { Threads = 1, ContextLength = 64, Observer = expected });
        for (int chunk = 0; chunk < 3; chunk++)
        {
            context.Reset();
            context.Evaluate(corpus.Evaluated(chunk), 0, 0, Token);
        }
        // Six layers of seven matrices; the output tensor and the attention's own products have no entry.
        Assert.Equal(42, matrix.Entries.Count);
        Assert.Equal(expected.Squares.Keys.Order(StringComparer.Ordinal), matrix.Entries.Keys);
        Assert.Equal(3, matrix.ChunkCount);
        foreach ((string name, ImatrixSums sums) in matrix.Entries)
        {
            Assert.Equal([3 * 64], sums.Counts);
            float[] squares = expected.Squares[name];
            Assert.Equal(squares.Length, sums.Squares.Length);
            for (int i = 0; i < squares.Length; i++)
                Assert.Equal(squares[i], sums.Squares[i], 1e-4 * Math.Max(1e-6, squares[i]));
        }
    }

    [Fact]
    public void Collection_resumes_where_it_stopped()
    {
        using ILanguageModel model = SampleEngine.Load();
        (ImatrixData whole, PerplexityResult perplexity) = ImatrixCollector.Collect(model, Sample.Calibration, s_options, cancellationToken: Token);

        (ImatrixData parts, _) = ImatrixCollector.Collect(model, Sample.Calibration, s_options with { Chunks = 1 }, cancellationToken: Token);
        ImatrixCollector.Collect(model, Sample.Calibration, s_options with { Chunks = 2, SkipChunks = 1 }, parts, cancellationToken: Token);

        Assert.Equal(3, parts.ChunkCount);
        Assert.InRange(perplexity.Perplexity.Value, 5, 60);
        AssertEqual(whole, parts);
    }

    [Theory]
    [InlineData(ImatrixFormat.Gguf, 1e-6)]
    [InlineData(ImatrixFormat.Dat, 1e-5)]
    public void Collection_resumes_from_a_file(ImatrixFormat format, double tolerance)
    {
        using TemporaryFolder folder = new();
        using ILanguageModel model = SampleEngine.Load();
        (ImatrixData whole, _) = ImatrixCollector.Collect(model, Sample.Calibration, s_options, cancellationToken: Token);
        (ImatrixData first, _) = ImatrixCollector.Collect(model, Sample.Calibration, s_options with { Chunks = 2 }, cancellationToken: Token);
        first.AddDataset("calibration.txt");
        ImatrixWriter.Write(first, folder.File("imatrix"), format, overwrite: false);

        ImatrixData read = ImatrixData.From(ImatrixFile.Open(folder.File("imatrix"), TestContext.Current.CancellationToken), 64);
        ImatrixCollector.Collect(model, Sample.Calibration, s_options with { Chunks = 1, SkipChunks = 2 }, read, cancellationToken: Token);

        Assert.Equal(["calibration.txt"], read.Datasets);
        AssertEqual(whole, read, tolerance);
    }

    [Fact]
    public void A_matrix_lowers_the_divergence_of_low_bit_types()
    {
        using TemporaryFolder folder = new();
        string matrixPath = folder.File("imatrix.gguf");
        using (ILanguageModel model = SampleEngine.Load())
        {
            (ImatrixData matrix, _) = ImatrixCollector.Collect(model, Sample.Calibration, new() { Threads = 1, Chunks = 20 }, cancellationToken: Token);
            ImatrixWriter.Write(matrix, matrixPath, ImatrixFormat.Gguf, overwrite: false);
        }
        using QualityMeter meter = new(SampleEngine.Start(), Sample.Model, Sample.HeldOut, new() { Threads = 1, Chunks = 8 });
        QuantizationOptions weighted = new() { Imatrix = ImatrixFile.Open(matrixPath, TestContext.Current.CancellationToken) };

        double q2 = Divergence(FileType.Q2_K, new());
        double q2Weighted = Divergence(FileType.Q2_K, weighted);
        double q3 = Divergence(FileType.Q3_K_S, new());
        double q3Weighted = Divergence(FileType.Q3_K_S, weighted);

        Assert.True(q2Weighted < q2, $"{q2Weighted} is not less than {q2}.");
        Assert.True(q3Weighted < q3, $"{q3Weighted} is not less than {q3}.");

        double Divergence(FileType type, QuantizationOptions options)
        {
            string path = folder.File("candidate.gguf");
            using (GgufFile source = GgufFile.Open(Sample.Model))
                new Quantizer().Run(QuantizationPlan.Create(source, type, options), path, overwrite: true, null, Token);
            return meter.Measure(path, null, Token).KlDivergence.Value;
        }
    }

    [Fact]
    public void Matrices_merge()
    {
        using ILanguageModel model = SampleEngine.Load();
        (ImatrixData whole, _) = ImatrixCollector.Collect(model, Sample.Calibration, s_options, cancellationToken: Token);
        (ImatrixData first, _) = ImatrixCollector.Collect(model, Sample.Calibration, s_options with { Chunks = 2 }, cancellationToken: Token);
        (ImatrixData second, _) = ImatrixCollector.Collect(model, Sample.Calibration, s_options with { Chunks = 1, SkipChunks = 2 }, cancellationToken: Token);

        first.Merge(second);

        AssertEqual(whole, first);
    }

    [Fact]
    public void Parts_merge_to_the_file_of_one_run()
    {
        using TemporaryFolder folder = new();
        using ILanguageModel model = SampleEngine.Load();
        using GgufFile file = GgufFile.Open(Sample.Model);
        ImatrixOptions options = s_options with { Chunks = 5 };
        (ImatrixData whole, PerplexityResult perplexity) = ImatrixCollector.Collect(model, Sample.Calibration, options, cancellationToken: Token);
        whole.AddDataset(s_calibrationPath);
        ImatrixData merged = new(64);
        foreach ((int first, int count) in ((int, int)[])[(0, 2), (2, 2), (4, 1)])
        {
            ImatrixOptions range = options with { SkipChunks = first, Chunks = count };
            (ImatrixData part, PerplexityResult collected) = ImatrixCollector.Collect(model, Sample.Calibration, range, cancellationToken: Token);
            Assert.Equal(new ChunkRange(first, count, perplexity.Range.Total), collected.Range);
            part.AddDataset(s_calibrationPath);
            part.Part = CollectedPart.Of(file, s_calibrationPath, range, collected, Token);
            ImatrixWriter.Write(part, folder.File("part"), ImatrixFormat.Gguf, overwrite: true);
            merged.Merge(ImatrixData.Read(folder.File("part")));
        }

        ImatrixWriter.Write(whole, folder.File("whole"), ImatrixFormat.Gguf, overwrite: false);
        ImatrixWriter.Write(merged, folder.File("merged"), ImatrixFormat.Gguf, overwrite: false);
        Assert.Equal(File.ReadAllBytes(folder.File("whole")), File.ReadAllBytes(folder.File("merged")));
    }

    [Fact]
    public void A_merged_matrix_names_both_texts()
    {
        ImatrixData first = new(64);
        first.AddDataset("one.txt");
        ImatrixData second = new(64);
        second.AddDataset("two.txt");

        first.Merge(second);

        Assert.Equal(["one.txt", "two.txt"], first.Datasets);
    }

    // llama-imatrix passes over products with fewer rows than 16.
    [Theory]
    [InlineData(16, 42)]
    [InlineData(15, 0)]
    public void A_batch_of_sixteen_rows_counts_and_one_of_fifteen_does_not(int rows, int entries)
    {
        using ILanguageModel model = SampleEngine.Load();
        ImatrixData matrix = new(rows);
        using IEvaluationContext context = model.CreateContext(new() { Threads = 1, ContextLength = 64, Observer = new ImatrixObserver(matrix, includeOutput: false) });
        context.Evaluate(CorpusChunks.Create(model, Sample.Calibration, 64, 1).Evaluated(0).AsSpan(0, rows), 0, 0, Token);

        Assert.Equal(entries, matrix.Entries.Count);
    }

    [Fact]
    public void Sums_of_another_model_are_rejected()
    {
        ImatrixData matrix = new(64);
        matrix.Merge("blk.0.attn_q.weight", new ImatrixSums(128, 1));
        using ILanguageModel model = SampleEngine.Load();

        InvalidDataException exception = Assert.Throws<InvalidDataException>(
            () => ImatrixCollector.Collect(model, Sample.Calibration, s_options, matrix, cancellationToken: Token));

        Assert.Contains("blk.0.attn_q.weight", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_output_is_included_on_request()
    {
        using ILanguageModel model = SampleEngine.Load();

        (ImatrixData matrix, _) = ImatrixCollector.Collect(
            model, Sample.Calibration, s_options with { Chunks = 1, IncludeOutput = true }, cancellationToken: Token);

        Assert.Equal([64], matrix.Entries["output.weight"].Counts);
    }

    [Fact]
    public void Each_expert_is_counted()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("experts.gguf");
        ExpertModel.Write(path);
        using ILanguageModel model = SampleEngine.Load(path);

        (ImatrixData matrix, _) = ImatrixCollector.Collect(model, Sample.Calibration, s_options, cancellationToken: Token);

        ImatrixSums down = matrix.Entries["blk.0.ffn_down_exps.weight"];
        ImatrixSums gate = matrix.Entries["blk.0.ffn_gate_exps.weight"];
        ExpertAccumulator expected = new();
        CorpusChunks corpus = CorpusChunks.Create(model, Sample.Calibration, 64, 3);
        using IEvaluationContext context = model.CreateContext(new() { Threads = 1, ContextLength = 64, Observer = expected });
        for (int chunk = 0; chunk < 3; chunk++)
        {
            context.Reset();
            context.Evaluate(corpus.Evaluated(chunk), 0, 0, Token);
        }
        Assert.Equal(ExpertModel.Experts, down.Counts.Length);
        Assert.Equal(3 * 64 * ExpertModel.UsedExperts, down.Counts.Sum());
        Assert.Equal(down.Counts, gate.Counts);
        Assert.Equal(expected.Counts, down.Counts);
        Assert.True(expected.Counts.Distinct().Count() > 1);
        for (int i = 0; i < down.Squares.Length; i++)
            Assert.Equal(expected.Squares[i], down.Squares[i], 1e-4 * Math.Max(1e-6, expected.Squares[i]));
        Assert.Equal(3 * 64, matrix.Entries["blk.0.ffn_gate_inp.weight"].Counts[0]);
    }

    [Fact]
    public void The_matrix_describes_its_collection()
    {
        using ILanguageModel model = SampleEngine.Load();
        (ImatrixData matrix, _) = ImatrixCollector.Collect(model, Sample.Calibration, s_options, cancellationToken: Token);

        IReadOnlyList<ImatrixTensorStatistics> statistics = ImatrixTensorStatistics.Of(matrix);

        ImatrixTensorStatistics query = statistics.Single(row => row.Name == "blk.1.attn_q.weight");
        double[] means = [.. matrix.Entries["blk.1.attn_q.weight"].Squares.Select(square => square / 192)];
        Assert.Equal(42, statistics.Count);
        Assert.Equal(statistics.Max(row => row.Sum), statistics[0].Sum);
        Assert.Equal(means.Sum(), query.Sum, 1e-9);
        Assert.Equal((means.Min(), means.Max()), (query.Minimum, query.Maximum));
        Assert.InRange(query.Entropy, 0, 8);
        Assert.Equal(query.Entropy / 8, query.RelativeEntropy, 1e-12);
        Assert.InRange(query.CosineSimilarity!.Value, 0, 1);
        Assert.Null(statistics.Single(row => row.Name == "blk.0.attn_q.weight").CosineSimilarity);
    }

    private static void AssertEqual(ImatrixData expected, ImatrixData actual, double tolerance = 1e-9)
    {
        Assert.Equal(expected.Entries.Keys, actual.Entries.Keys);
        foreach ((string name, ImatrixSums sums) in expected.Entries)
        {
            Assert.Equal(sums.Counts, actual.Entries[name].Counts);
            for (int i = 0; i < sums.Squares.Length; i++)
                Assert.Equal(sums.Squares[i], actual.Entries[name].Squares[i], tolerance * Math.Max(1e-6, sums.Squares[i]));
        }
    }

    // llama-imatrix's own arithmetic: float sums, row after row.
    private sealed class Accumulator : IActivationObserver
    {
        public Dictionary<string, float[]> Squares { get; } = [];

        public bool Wants(in MatrixProduct product) => product.WeightName.StartsWith("blk.", StringComparison.Ordinal);

        public void Observe(in MatrixProduct product)
        {
            if (!Squares.TryGetValue(product.WeightName, out float[]? squares))
                Squares.Add(product.WeightName, squares = new float[product.WeightShape[0]]);
            for (int row = 0; row < product.InputShape[1]; row++)
            {
                ReadOnlySpan<float> input = product.InputRow(row, 0, 0);
                for (int i = 0; i < input.Length; i++)
                    squares[i] += input[i] * input[i];
            }
        }
    }

    private sealed class ExpertAccumulator : IActivationObserver
    {
        public float[] Squares { get; } = new float[768 * ExpertModel.Experts];

        public long[] Counts { get; } = new long[ExpertModel.Experts];

        public bool Wants(in MatrixProduct product) => product.WeightName == "blk.0.ffn_down_exps.weight";

        public void Observe(in MatrixProduct product)
        {
            for (int expert = 0; expert < ExpertModel.Experts; expert++)
            {
                for (int slot = 0; slot < ExpertModel.UsedExperts; slot++)
                {
                    for (int token = 0; token < product.InputShape[2]; token++)
                    {
                        if (product.SelectedExpert(slot, token) != expert)
                            continue;
                        Counts[expert]++;
                        ReadOnlySpan<float> input = product.InputRow(slot, token, 0);
                        for (int i = 0; i < input.Length; i++)
                            Squares[(expert * 768) + i] += input[i] * input[i];
                    }
                }
            }
        }
    }
}
