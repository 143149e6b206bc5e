using System.Buffers.Binary;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Tests.Quality;

public sealed class KlDivergenceMeterTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void The_result_is_that_of_a_computation_from_raw_logits()
    {
        using ILanguageModel reference = SampleEngine.Load();
        using ILanguageModel candidate = SampleEngine.Load(SampleEngine.Quantized("Q2_K"));
        CorpusChunks corpus = CorpusChunks.Create(reference, Sample.HeldOut, 64, limit: 4);
        using IEvaluationContext referenceContext = reference.CreateContext(new() { Threads = 1, ContextLength = 64 });
        using IEvaluationContext candidateContext = candidate.CreateContext(new() { Threads = 1, ContextLength = 64 });

        KlDivergenceResult result = KlDivergenceMeter.Measure(referenceContext, candidateContext, corpus, 2, cancellationToken: Token);

        List<(double P, double Q, double Kl, bool Same)> raw = Raw(reference, referenceContext, candidateContext, 64, 4);
        double[] kl = [.. raw.Select(row => row.Kl).Order()];
        double[] change = [.. raw.Select(row => row.Q - row.P)];
        double[] loss = [.. raw.Select(row => -Math.Log(row.Q))];
        double[] referenceLoss = [.. raw.Select(row => -Math.Log(row.P))];
        double[] difference = [.. loss.Zip(referenceLoss, (a, b) => a - b)];
        Assert.Equal(4 * 31, result.ScoredTokens);
        Close(kl.Average(), result.KlDivergence.Value);
        Close(StandardError(kl), result.KlDivergence.Error);
        AssertPercentiles(kl, result.KlPercentiles);
        AssertPercentiles([.. change.Order()], result.ProbabilityChangePercentiles);
        Close(change.Average(), result.ProbabilityChange.Value);
        Close(StandardError(change), result.ProbabilityChange.Error);
        double rms = Math.Sqrt(change.Average(value => value * value));
        Close(rms, result.RmsProbabilityChange.Value);
        Close(StandardError([.. change.Select(value => value * value)]) / (2 * rms), result.RmsProbabilityChange.Error);
        double same = raw.Average(row => row.Same ? 1.0 : 0.0);
        Close(same, result.TopTokenMatch.Value);
        Close(Math.Sqrt(same * (1 - same) / (raw.Count - 1)), result.TopTokenMatch.Error);
        Close(Math.Exp(loss.Average()), result.Perplexity.Value);
        Close(Math.Exp(referenceLoss.Average()), result.ReferencePerplexity.Value);
        Close(difference.Average(), result.LogPerplexityRatio.Value);
        // The error of a mean of differences is what the covariance correction must come to.
        Close(StandardError(difference), result.LogPerplexityRatio.Error);
        Close(result.PerplexityRatio.Value * StandardError(difference), result.PerplexityRatio.Error);
        double[] scaled = [.. loss.Zip(referenceLoss, (a, b) => (a * result.Perplexity.Value) - (b * result.ReferencePerplexity.Value))];
        Close(result.Perplexity.Value - result.ReferencePerplexity.Value, result.PerplexityDifference.Value);
        Close(StandardError(scaled), result.PerplexityDifference.Error);
        Close(Correlation(loss, referenceLoss), result.Correlation);
        Close(Math.Exp(referenceLoss.Average() - loss.Average()), result.RelativeQuality);
    }

    [Fact]
    public void The_divergence_of_the_reference_itself_is_zero()
    {
        using ILanguageModel model = SampleEngine.Load();
        CorpusChunks corpus = CorpusChunks.Create(model, Sample.HeldOut, 64, limit: 2);
        using IEvaluationContext first = model.CreateContext(new() { Threads = 1, ContextLength = 64 });
        using IEvaluationContext second = model.CreateContext(new() { Threads = 1, ContextLength = 64 });

        KlDivergenceResult result = KlDivergenceMeter.Measure(first, second, corpus, 2, cancellationToken: Token);

        Assert.Equal(0, result.KlPercentiles.Maximum, 1e-9);
        Assert.Equal(1, result.TopTokenMatch.Value);
        Assert.Equal(1, result.RelativeQuality, 1e-11);
        Assert.Equal(1, result.Correlation, 1e-9);
    }

    [Fact]
    public void Parts_merge_to_the_result_of_one_measurement()
    {
        QualityOptions options = new() { Threads = 1, ContextLength = 64, Chunks = 4 };
        KlDivergenceResult whole = Measure(options);
        KlDivergenceResult[] parts =
        [
            Measure(options with { SkipChunks = 3, Chunks = 1, KeepRecords = true }),
            Measure(options with { Chunks = 2, KeepRecords = true }),
            Measure(options with { SkipChunks = 2, Chunks = 1, KeepRecords = true }),
        ];

        Assert.Equal(whole, KlDivergenceResult.Merge(parts) with { Duration = whole.Duration });
        Assert.Contains("chunk 3 of the text", Assert.Throws<InvalidDataException>(() => KlDivergenceResult.Merge(parts[..2])).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidDataException>(() => KlDivergenceResult.Merge([whole]));
        byte[] damaged = parts[1].Records!.Value.ToArray();
        BinaryPrimitives.WriteDoubleLittleEndian(damaged.AsSpan(8), double.NaN);
        Assert.Throws<InvalidDataException>(() => KlDivergenceResult.Merge([parts[1] with { Records = damaged }]));

        static KlDivergenceResult Measure(QualityOptions options)
        {
            using QualityMeter meter = new(SampleEngine.Start(), Sample.Model, Sample.HeldOut, options);
            return meter.Measure(SampleEngine.Quantized("Q4_0"), null, Token);
        }
    }

    [Fact]
    public void Stored_logits_give_the_same_result()
    {
        using TemporaryFolder folder = new();
        IInferenceEngine engine = SampleEngine.Start();
        QualityOptions options = new() { Threads = 1, ContextLength = 96, Chunks = 4 };
        using QualityMeter live = new(engine, Sample.Model, Sample.HeldOut, options);
        using QualityMeter stored = new(engine, Sample.Model, Sample.HeldOut, options with { LogitsFile = folder.File("logits.bin") });

        KlDivergenceResult expected = live.Measure(SampleEngine.Quantized("Q4_0"), null, Token);
        KlDivergenceResult actual = stored.Measure(SampleEngine.Quantized("Q4_0"), null, Token);

        // Stored logits are rounded to 1/65535 of their range.
        Assert.Equal(expected.KlDivergence.Value, actual.KlDivergence.Value, 2e-5);
        Assert.Equal(expected.KlPercentiles.P99, actual.KlPercentiles.P99, 2e-3);
        Assert.Equal(expected.ReferencePerplexity.Value, actual.ReferencePerplexity.Value, 2e-3);
        Assert.Equal(expected.Perplexity.Value, actual.Perplexity.Value, 1e-9);
        Assert.Equal(expected.TopTokenMatch.Value, actual.TopTokenMatch.Value, 0.01);
        Assert.Equal(expected.ScoredTokens, actual.ScoredTokens);
        Assert.Equal(actual.ReferencePerplexity.Value, stored.MeasureReference(null, Token).Perplexity.Value, 2e-3);
        using QualityMeter reader = new(engine, Sample.Model, Sample.HeldOut, options with { LogitsFile = folder.File("logits.bin") });
        Assert.Equal(actual.ReferencePerplexity.Value, reader.MeasureReference(null, Token).Perplexity.Value, 1e-9);
    }

    [Theory]
    [InlineData(96, 5, false, "contains 4 of the 5 chunks that were requested")]
    [InlineData(64, 4, false, "chunks of 96 tokens, not 64")]
    [InlineData(96, 4, true, "logits of another text")]
    public void Stored_logits_of_another_text_are_rejected(int contextLength, int chunks, bool isOtherText, string message)
    {
        using TemporaryFolder folder = new();
        QualityOptions options = StoredIn(folder);
        using QualityMeter reader = new(
            SampleEngine.Start(), Sample.Model, isOtherText ? Sample.Calibration : Sample.HeldOut, options with { ContextLength = contextLength, Chunks = chunks });

        LogitsFormatException exception = Assert.Throws<LogitsFormatException>(() => reader.Measure(SampleEngine.Quantized("Q4_0"), null, Token));

        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_model_of_stored_logits_is_told_by_its_hash()
    {
        using TemporaryFolder folder = new();
        QualityOptions options = StoredIn(folder) with { ContextLength = null };
        LoadedModels engine = new();
        using QualityMeter reader = new(engine, Sample.Model, Sample.HeldOut, options);

        KlDivergenceResult result = reader.Measure(SampleEngine.Quantized("Q4_0"), null, Token);

        Assert.Equal(96, result.ContextLength);
        Assert.Equal([(Sample.Model, true), (SampleEngine.Quantized("Q4_0"), false)], engine.Loaded);
    }

    [Fact]
    public void Parts_from_stored_logits_merge_to_one_run()
    {
        using TemporaryFolder folder = new();
        QualityOptions options = StoredIn(folder);
        KlDivergenceResult whole = Measure(options);

        KlDivergenceResult[] parts =
        [
            .. new[] { (1, 2), (0, 1), (3, 1) }.Select(part => Measure(options with { SkipChunks = part.Item1, Chunks = part.Item2, KeepRecords = true })),
        ];

        Assert.Equal(whole, KlDivergenceResult.Merge(parts) with { Duration = whole.Duration });

        static KlDivergenceResult Measure(QualityOptions options)
        {
            using QualityMeter meter = new(SampleEngine.Start(), Sample.Model, Sample.HeldOut, options);
            return meter.Measure(SampleEngine.Quantized("Q4_0"), null, Token);
        }
    }

    [Fact]
    public void Stored_logits_without_a_hash_are_verified_by_evaluation()
    {
        using TemporaryFolder folder = new();
        QualityOptions options = StoredIn(folder);
        using QualityMeter hashed = new(SampleEngine.Start(), Sample.Model, Sample.HeldOut, options);
        PerplexityResult expected = hashed.MeasureReference(null, Token);
        using (FileStream file = File.OpenWrite(options.LogitsFile!))
            file.SetLength(file.Length - 72);
        LoadedModels engine = new();
        using QualityMeter same = new(engine, Sample.Model, Sample.HeldOut, options);
        using QualityMeter other = new(SampleEngine.Start(), SampleEngine.Quantized("Q8_0"), Sample.HeldOut, options);

        Assert.Equal(expected.Perplexity, same.MeasureReference(null, Token).Perplexity);
        Assert.Equal([(Sample.Model, false)], engine.Loaded);
        LogitsFormatException exception = Assert.Throws<LogitsFormatException>(() => other.MeasureReference(null, Token));
        Assert.Contains("they diverge by", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Stored_logits_of_another_model_are_rejected()
    {
        using TemporaryFolder folder = new();
        QualityOptions options = StoredIn(folder);
        using QualityMeter reader = new(SampleEngine.Start(), SampleEngine.Quantized("Q8_0"), Sample.HeldOut, options);

        LogitsFormatException exception = Assert.Throws<LogitsFormatException>(() => reader.MeasureReference(null, Token));

        Assert.Contains("as the hash in it tells", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_first_of_more_stored_chunks_are_used()
    {
        using TemporaryFolder folder = new();
        QualityOptions options = StoredIn(folder) with { Chunks = 3 };
        using QualityMeter stored = new(SampleEngine.Start(), Sample.Model, Sample.HeldOut, options);
        using QualityMeter live = new(SampleEngine.Start(), Sample.Model, Sample.HeldOut, options with { LogitsFile = null });

        KlDivergenceResult actual = stored.Measure(SampleEngine.Quantized("Q4_0"), null, Token);

        KlDivergenceResult expected = live.Measure(SampleEngine.Quantized("Q4_0"), null, Token);
        Assert.Equal(expected.Chunks, actual.Chunks);
        Assert.Equal(expected.KlDivergence.Value, actual.KlDivergence.Value, 2e-5);
    }

    [Theory]
    [InlineData(64)]
    [InlineData(600)]
    public void A_cached_reference_makes_no_difference(int contextLength)
    {
        QualityOptions options = new() { Threads = 1, ContextLength = contextLength, Chunks = 2 };
        using QualityMeter recorded = new(SampleEngine.Start(), Sample.Model, Sample.HeldOut, options);
        using QualityMeter live = new(SampleEngine.Start(), Sample.Model, Sample.HeldOut, options with { ReferenceMemory = 0 });

        PerplexityResult perplexity = recorded.MeasureReference(null, Token);
        KlDivergenceResult first = recorded.Measure(SampleEngine.Quantized("Q4_0"), null, Token);
        KlDivergenceResult second = recorded.Measure(SampleEngine.Quantized("Q4_0"), null, Token);

        KlDivergenceResult expected = live.Measure(SampleEngine.Quantized("Q4_0"), null, Token) with { Duration = first.Duration };
        Assert.Equal(expected, first);
        Assert.Equal(expected, second with { Duration = first.Duration });
        Assert.Equal(expected.ReferencePerplexity, perplexity.Perplexity);
    }

    [Fact]
    public void The_divergence_grows_as_types_shrink()
    {
        using QualityMeter meter = new(SampleEngine.Start(), Sample.Model, Sample.HeldOut, new() { Threads = 1, ContextLength = 128, Chunks = 10 });
        string[] types = ["Q8_0", "Q6_K", "Q5_K_M", "Q4_K_M", "Q3_K_M", "Q2_K"];

        double[] divergences = [.. types.Select(type => meter.Measure(SampleEngine.Quantized(type), null, Token).KlDivergence.Value)];

        Assert.Equal(divergences.Order(), divergences);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("logits.bin")]
    public void A_different_vocabulary_is_rejected(string? logits)
    {
        using TemporaryFolder folder = new();
        string other = Sample.Patched(folder, "Prince", "Prinze");
        QualityOptions options = new() { Threads = 1, ContextLength = 64, Chunks = 1, LogitsFile = logits is null ? null : folder.File(logits) };
        using QualityMeter meter = new(SampleEngine.Start(), Sample.Model, Sample.HeldOut, options);

        VocabularyMismatchException exception = Assert.Throws<VocabularyMismatchException>(() => meter.Measure(other, null, Token));

        Assert.Contains(other, exception.Message, StringComparison.Ordinal);
        Assert.Contains("both have 2048 tokens, but they differ", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Cancelling_stops_between_batches()
    {
        using QualityMeter meter = new(SampleEngine.Start(), Sample.Model, Sample.HeldOut, new() { Threads = 1, ContextLength = 64 });
        using CancellationTokenSource source = new();
        Canceller progress = new(source);

        Assert.ThrowsAny<OperationCanceledException>(() => meter.Measure(SampleEngine.Quantized("Q8_0"), progress, source.Token));

        Assert.Equal(1, progress.Count);
    }

    private static QualityOptions StoredIn(TemporaryFolder folder)
    {
        QualityOptions options = new() { Threads = 1, ContextLength = 96, Chunks = 4, LogitsFile = folder.File("logits.bin") };
        using QualityMeter writer = new(SampleEngine.Start(), Sample.Model, Sample.HeldOut, options);
        writer.MeasureReference(null, Token);
        return options;
    }

    private static List<(double P, double Q, double Kl, bool Same)> Raw(
        ILanguageModel model, IEvaluationContext reference, IEvaluationContext candidate, int contextLength, int chunks)
    {
        int[] tokens = model.Tokenize(Sample.HeldOut, addSpecial: true);
        List<(double, double, double, bool)> rows = [];
        for (int chunk = 0; chunk < chunks; chunk++)
        {
            int[] evaluated = tokens[(chunk * contextLength)..((chunk + 1) * contextLength)];
            if (model.Vocabulary.AddsBeginningOfSequence)
                evaluated[0] = model.Vocabulary.BeginningOfSequence;
            reference.Reset();
            candidate.Reset();
            reference.Evaluate(evaluated, 0, 0, Token);
            candidate.Evaluate(evaluated, 0, 0, Token);
            for (int position = contextLength / 2; position < contextLength - 1; position++)
            {
                double[] p = Softmax(reference.Logits(position));
                double[] q = Softmax(candidate.Logits(position));
                double kl = 0;
                for (int i = 0; i < p.Length; i++)
                {
                    if (Math.Log(p[i]) > -16)
                        kl += p[i] * Math.Log(p[i] / q[i]);
                }
                int target = tokens[(chunk * contextLength) + position + 1];
                rows.Add((p[target], q[target], kl, Array.IndexOf(p, p.Max()) == Array.IndexOf(q, q.Max())));
            }
        }
        return rows;
    }

    private static void AssertPercentiles(double[] sorted, Percentiles actual)
    {
        Assert.Equal(124, sorted.Length);
        Close(sorted[0], actual.Minimum);
        Close(At(0.001), actual.P001);
        Close(At(0.01), actual.P01);
        Close(At(0.05), actual.P05);
        Close(At(0.1), actual.P10);
        Close(At(0.25), actual.P25);
        Close((sorted[61] + sorted[62]) / 2, actual.Median);
        Close(At(0.75), actual.P75);
        Close(At(0.9), actual.P90);
        Close(At(0.95), actual.P95);
        Close(At(0.99), actual.P99);
        Close(At(0.999), actual.P999);
        Close(sorted[^1], actual.Maximum);

        double At(double share)
        {
            int below = (int)Math.Floor(share * 123);
            return sorted[below] + (((share * 123) - below) * (sorted[below + 1] - sorted[below]));
        }
    }

    private static double[] Softmax(ReadOnlySpan<float> logits)
    {
        double[] exponentials = [.. logits.ToArray().Select(logit => Math.Exp(logit))];
        double sum = exponentials.Sum();
        return [.. exponentials.Select(value => value / sum)];
    }

    private static double StandardError(double[] values)
    {
        double mean = values.Average();
        return Math.Sqrt(values.Average(value => (value - mean) * (value - mean)) / (values.Length - 1));
    }

    private static double Correlation(double[] a, double[] b)
    {
        double meanA = a.Average(), meanB = b.Average();
        double covariance = a.Zip(b, (x, y) => (x - meanA) * (y - meanB)).Sum();
        return covariance / Math.Sqrt(a.Sum(x => (x - meanA) * (x - meanA)) * b.Sum(y => (y - meanB) * (y - meanB)));
    }

    private static void Close(double expected, double actual, double tolerance = 1e-6) =>
        Assert.Equal(expected, actual, tolerance * Math.Max(1, Math.Abs(expected)));

    private sealed class Canceller(CancellationTokenSource source) : IProgress<WorkProgress>
    {
        public int Count { get; private set; }

        public void Report(WorkProgress value)
        {
            Count++;
            source.Cancel();
        }
    }

    /// <summary>The sample engine, with the models that it loads and whether only for their vocabulary.</summary>
    private sealed class LoadedModels : IInferenceEngine
    {
        private readonly IInferenceEngine _engine = SampleEngine.Start();

        public string Name => _engine.Name;

        public List<(string Path, bool VocabularyOnly)> Loaded { get; } = [];

        public ILanguageModel Load(string path, ModelOptions options, CancellationToken cancellationToken)
        {
            Loaded.Add((path, options.VocabularyOnly));
            return _engine.Load(path, options, cancellationToken);
        }
    }
}
