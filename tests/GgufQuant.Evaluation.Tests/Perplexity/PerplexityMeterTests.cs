using System.Buffers.Binary;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Gguf;

namespace GgufQuant.Evaluation.Tests.Quality;

public sealed class PerplexityMeterTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void The_result_is_that_of_a_computation_from_raw_logits()
    {
        using ILanguageModel model = SampleEngine.Load();
        CorpusChunks corpus = CorpusChunks.Create(model, Sample.HeldOut, 128, limit: 6);
        using IEvaluationContext context = model.CreateContext(new() { Threads = 1, ContextLength = 128 });

        PerplexityResult result = PerplexityMeter.Measure(context, corpus, threads: 2, cancellationToken: Token);

        List<double> losses = RawLosses(model, Sample.HeldOut, 128, 6);
        double mean = losses.Average();
        double deviation = Math.Sqrt(losses.Sum(loss => (loss - mean) * (loss - mean)) / losses.Count);
        Assert.Equal(6 * 63, losses.Count);
        Assert.Equal(losses.Count, result.ScoredTokens);
        Assert.Equal(Math.Exp(mean), result.Perplexity.Value, 1e-6);
        Assert.Equal(Math.Exp(mean) * deviation / Math.Sqrt(losses.Count - 1), result.Perplexity.Error, 1e-6);
    }

    [Fact]
    public void The_sample_has_its_known_perplexity()
    {
        using ILanguageModel model = SampleEngine.Load();
        CorpusChunks corpus = CorpusChunks.Create(model, Sample.HeldOut, CorpusChunks.DefaultContextLength(model));
        using IEvaluationContext context = model.CreateContext(new() { Threads = 1, ContextLength = corpus.ContextLength });

        PerplexityResult result = PerplexityMeter.Measure(context, corpus, threads: 2, cancellationToken: Token);

        Assert.Equal(256, corpus.ContextLength);
        Assert.Equal(18669, result.ScoredTokens);
        // Its makers measured 28.8 over all positions; those with half a context before them are predicted better.
        Assert.Equal(26.96, result.Perplexity.Value, 0.1);
    }

    [Fact]
    public void The_batch_size_makes_no_difference()
    {
        using ILanguageModel model = SampleEngine.Load();
        CorpusChunks corpus = CorpusChunks.Create(model, Sample.HeldOut, 100, limit: 3);
        using IEvaluationContext whole = model.CreateContext(new() { Threads = 1, ContextLength = 100 });
        using IEvaluationContext parts = model.CreateContext(new() { Threads = 1, ContextLength = 100, BatchSize = 33 });

        PerplexityResult expected = PerplexityMeter.Measure(whole, corpus, threads: 2, cancellationToken: Token);
        PerplexityResult actual = PerplexityMeter.Measure(parts, corpus, threads: 1, cancellationToken: Token);

        Assert.Equal(expected.ScoredTokens, actual.ScoredTokens);
        Assert.Equal(expected.Perplexity.Value, actual.Perplexity.Value, 0.02);
    }

    [Fact]
    public void A_text_that_is_too_short_is_an_error_with_the_tokens_needed()
    {
        using ILanguageModel model = SampleEngine.Load();

        CorpusTooShortException exception = Assert.Throws<CorpusTooShortException>(() => CorpusChunks.Create(model, "Too short.", 256));

        Assert.Equal(512, exception.Required);
        Assert.Contains(exception.Tokens.ToString(), exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void All_chunks_but_the_last_can_be_skipped()
    {
        using ILanguageModel model = SampleEngine.Load();
        int total = CorpusChunks.Create(model, Sample.Calibration, 100).Count;

        Assert.Equal(new(total - 1, 1, total), CorpusChunks.Create(model, Sample.Calibration, 100, limit: 8, skip: total - 1).Range);
        Assert.Equal((total + 1) * 100, Assert.Throws<CorpusTooShortException>(() => CorpusChunks.Create(model, Sample.Calibration, 100, skip: total)).Required);
    }

    [Fact]
    public void Logits_that_are_not_finite_are_reported_as_such()
    {
        using TemporaryFolder folder = new();
        byte[] bytes = File.ReadAllBytes(Sample.Model);
        using (GgufFile file = GgufFile.Open(Sample.Model))
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan((int)file.FindTensor("output_norm.weight")!.FileOffset), float.NaN);
        string path = folder.File("damaged.gguf");
        File.WriteAllBytes(path, bytes);
        using ILanguageModel model = SampleEngine.Load(path);
        CorpusChunks corpus = CorpusChunks.Create(model, Sample.HeldOut, 64, limit: 1);
        using IEvaluationContext context = model.CreateContext(new() { Threads = 1, ContextLength = 64 });

        Assert.Throws<InferenceException>(() => PerplexityMeter.Measure(context, corpus, threads: 2, cancellationToken: Token));
        Assert.Throws<InferenceException>(() => KlDivergenceMeter.Measure(context, context, corpus, threads: 2, cancellationToken: Token));
    }

    [Fact]
    public void Each_chunk_is_reported()
    {
        using ILanguageModel model = SampleEngine.Load();
        CorpusChunks corpus = CorpusChunks.Create(model, Sample.HeldOut, 64, limit: 3);
        using IEvaluationContext context = model.CreateContext(new() { Threads = 1, ContextLength = 64 });
        Collector progress = new();

        PerplexityResult result = PerplexityMeter.Measure(context, corpus, 2, progress: progress, cancellationToken: Token);

        Assert.Equal(["Chunk 1 of 3", "Chunk 2 of 3", "Chunk 3 of 3"], progress.Values.Select(value => value.Status.Split(',')[0]));
        Assert.Equal(FormattableString.Invariant($"Chunk 3 of 3, perplexity {result.Perplexity.Value:0.00}"), progress.Values[^1].Status);
        Assert.Equal((1, TimeSpan.Zero), (progress.Values[^1].Share, progress.Values[^1].Remaining));
    }

    // One token at a time, a softmax written out: nothing shared with the code under test but the model.
    private static List<double> RawLosses(ILanguageModel model, string text, int contextLength, int chunks)
    {
        int[] tokens = model.Tokenize(text, addSpecial: true);
        List<double> losses = [];
        using IEvaluationContext context = model.CreateContext(new() { Threads = 1, ContextLength = contextLength });
        for (int chunk = 0; chunk < chunks; chunk++)
        {
            int[] evaluated = tokens[(chunk * contextLength)..((chunk + 1) * contextLength)];
            if (model.Vocabulary.AddsBeginningOfSequence)
                evaluated[0] = model.Vocabulary.BeginningOfSequence;
            context.Reset();
            context.Evaluate(evaluated, 0, 0, Token);
            for (int position = contextLength / 2; position < contextLength - 1; position++)
            {
                float[] logits = context.Logits(position).ToArray();
                double sum = logits.Sum(logit => Math.Exp(logit));
                losses.Add(-Math.Log(Math.Exp(logits[tokens[(chunk * contextLength) + position + 1]]) / sum));
            }
        }
        return losses;
    }
}
