using System.Diagnostics;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Generation;
using GgufQuant.Evaluation.Imatrix;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.Pipeline;
using GgufQuant.Planning;

namespace GgufQuant.TestKit;

/// <summary>What every engine must do, however it is implemented.</summary>
public abstract class EngineContract
{
    // Libraries without AVX differ from v0.5.0's with it by at most 4.2e-4 in any column; those with it, by nothing.
    private const double RecordedMatrixTolerance = 2e-3;

    // Of the sample model over four chunks of 256 tokens, by v0.5.0.
    private static readonly string s_recordedMatrix = Repository.PathOf("tests", "GgufQuant.TestKit", "Recorded", "imatrix.gguf");

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    /// <summary>The engine; skips the test where it is missing.</summary>
    /// <param name="log">Receives its log.</param>
    protected abstract IInferenceEngine Start(Action<LlamaLogLevel, string>? log = null);

    [Fact]
    public void The_engine_reports_its_version() => Assert.Matches(@"^\S+ v?\d+\.[1-9]\d*\.\d+( \(llama\.cpp [0-9a-f]{9}\))?$", Start().Name);

    [Fact]
    public void The_model_is_described()
    {
        using ILanguageModel model = Load();

        Assert.Equal(256, model.TrainedContextLength);
        Assert.Equal(2048, model.Vocabulary.Count);
        Assert.Contains("F16", model.Description, StringComparison.Ordinal);
    }

    [Fact]
    public void Tokenizing_and_detokenizing_is_lossless()
    {
        using ILanguageModel model = Load();
        const string Text = "Prince Andrew looked at her — \"surprised\", perhaps 3 times.";

        int[] tokens = model.Tokenize(Text, addSpecial: false);

        Assert.InRange(tokens.Length, 10, Text.Length);
        Assert.Equal(Text, model.Detokenize(tokens));
    }

    [Fact]
    public void An_empty_text_can_be_tokenized()
    {
        using ILanguageModel model = Load();

        Assert.Empty(model.Tokenize("", addSpecial: false));
    }

    [Fact]
    public void One_batch_and_several_give_the_same_logits()
    {
        using ILanguageModel model = Load();
        int[] tokens = model.Tokenize(Sample.HeldOut[..600], addSpecial: true)[..64];
        using IEvaluationContext whole = model.CreateContext(new() { Threads = 1, ContextLength = 64 });
        using IEvaluationContext parts = model.CreateContext(new() { Threads = 1, ContextLength = 64, BatchSize = 40 });

        whole.Evaluate(tokens, 0, 0, Token);
        float[] expected = whole.Logits(63).ToArray();
        parts.Evaluate(tokens.AsSpan(0, 40), 0, 40, Token);
        parts.Evaluate(tokens.AsSpan(40), 40, 20, Token);

        float[] actual = parts.Logits(23).ToArray();
        Assert.Equal(2048, actual.Length);
        for (int i = 0; i < actual.Length; i++)
            Assert.Equal(expected[i], actual[i], 0.02f);
        Assert.Throws<ArgumentOutOfRangeException>(() => parts.Logits(19).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => parts.Logits(24).Length);
    }

    [Fact]
    public void Tokens_outside_the_vocabulary_are_rejected()
    {
        using ILanguageModel model = Load();
        using IEvaluationContext context = model.CreateContext(new() { Threads = 1, ContextLength = 8 });

        Assert.Throws<ArgumentOutOfRangeException>(() => context.Evaluate([2048], 0, 0, Token));
        Assert.Throws<ArgumentOutOfRangeException>(() => context.Evaluate([1, 2, 3], 6, 0, Token));
        Assert.Throws<ArgumentException>(() => context.Evaluate(new int[9], 0, 0, Token));
    }

    [Fact]
    public void Cancelling_stops_within_a_second()
    {
        using ILanguageModel model = Load();
        using IEvaluationContext context = model.CreateContext(new() { Threads = 1, ContextLength = 8192, BatchSize = 8192 });
        int[] tokens = new int[8192];
        using CancellationTokenSource source = new();
        source.CancelAfter(50);
        Stopwatch watch = Stopwatch.StartNew();

        Assert.ThrowsAny<OperationCanceledException>(() => context.Evaluate(tokens, 0, tokens.Length, source.Token));

        Assert.InRange(watch.ElapsedMilliseconds, 0, 1050);
    }

    [Fact]
    public void Computation_sends_heartbeats()
    {
        using ILanguageModel model = Load();
        int beats = 0;
        using IEvaluationContext context = model.CreateContext(new() { Threads = 1, ContextLength = 8, Heartbeat = () => beats++ });

        context.Evaluate([1, 2, 3], 0, 0, Token);

        Assert.NotEqual(0, beats);
    }

    [Fact]
    public void A_load_can_be_cancelled()
    {
        IInferenceEngine engine = Start();

        Assert.ThrowsAny<OperationCanceledException>(() => engine.Load(Sample.Model, new(), new CancellationToken(canceled: true)));
    }

    [Fact]
    public void An_unknown_architecture_is_named()
    {
        using TemporaryFolder folder = new();
        string path = Sample.Patched(folder, "llama", "zebra");

        UnknownArchitectureException exception = Assert.Throws<UnknownArchitectureException>(() => Load(path));

        Assert.Contains("zebra", exception.Message, StringComparison.Ordinal);
        Assert.Contains(path, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_without_a_vocabulary_is_an_error()
    {
        using TemporaryFolder folder = new();
        string path = Sample.Patched(folder, "tokenizer.ggml.model", "tokenizer.ggml.nodel");

        Assert.Throws<MissingVocabularyException>(() => Load(path));
    }

    [Fact]
    public void A_file_that_cannot_be_loaded_is_an_error_with_the_reason()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("text.gguf");
        File.WriteAllText(path, "This is no model.");

        ModelLoadException exception = Assert.Throws<ModelLoadException>(() => Load(path));

        Assert.Contains("magic", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Perplexity_agrees_with_the_raw_logits()
    {
        using ILanguageModel model = Load();
        CorpusChunks corpus = CorpusChunks.Create(model, Sample.HeldOut, 64, limit: 2);
        using IEvaluationContext context = model.CreateContext(new() { Threads = 1, ContextLength = 64 });

        PerplexityResult result = PerplexityMeter.Measure(context, corpus, threads: 2, cancellationToken: Token);

        int[] tokens = model.Tokenize(Sample.HeldOut, addSpecial: true);
        List<double> losses = [];
        for (int chunk = 0; chunk < 2; chunk++)
        {
            context.Reset();
            context.Evaluate(tokens.AsSpan(chunk * 64, 64), 0, 0, Token);
            for (int position = 32; position < 63; position++)
            {
                float[] logits = context.Logits(position).ToArray();
                losses.Add(Math.Log(logits.Sum(logit => Math.Exp(logit))) - logits[tokens[(chunk * 64) + position + 1]]);
            }
        }
        Assert.False(model.Vocabulary.AddsBeginningOfSequence);
        Assert.Equal(Math.Exp(losses.Average()), result.Perplexity.Value, 1e-6);
    }

    [Fact]
    public void Four_bits_harm_the_sample()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("q4.gguf");
        using (GgufFile source = GgufFile.Open(Sample.Model))
            new Quantizer().Run(QuantizationPlan.Create(source, FileType.Q4_0), path, overwrite: false, null, Token);
        using QualityMeter meter = new(Start(), Sample.Model, Sample.HeldOut, new() { Threads = 1, ContextLength = 256, Chunks = 8 });

        KlDivergenceResult result = meter.Measure(path, null, Token);

        // Recorded with v0.5.0. LLamaSharp's libraries for AVX-512 and AVX2 give the same to the last bit; those without AVX
        // sum in another order, and differ by 1.0e-5, 2.7e-4 and 8.3e-3.
        Assert.Equal(0.0081678, result.KlDivergence.Value, 5e-5);
        Assert.Equal(29.51225, result.ReferencePerplexity.Value, 2e-3);
        Assert.Equal(29.65741, result.Perplexity.Value, 0.02);
    }

    [Fact]
    public void A_prompt_is_continued_greedily()
    {
        using ILanguageModel model = Load();
        using IEvaluationContext context = model.CreateContext(new() { Threads = 1, ContextLength = 40 });

        GeneratedText text = GreedyGenerator.Generate(model, context, "Prince Andrew looked at her and", 12, null, Token);

        Assert.Equal(12, text.Tokens.Count);
        Assert.Equal(text.Text, model.Detokenize([.. text.Tokens]));
        Assert.False(model.IsEndOfGeneration(text.Tokens[0]));
        Assert.Equal(text.Tokens, GreedyGenerator.Generate(model, context, "Prince Andrew looked at her and", 12, null, Token).Tokens);
    }

    [Fact]
    public void Different_vocabularies_have_different_fingerprints()
    {
        using TemporaryFolder folder = new();
        using ILanguageModel model = Load();
        using ILanguageModel same = Load();
        using ILanguageModel other = Load(Sample.Patched(folder, "Prince", "Prinze"));

        Assert.True(model.Vocabulary.Matches(same.Vocabulary));
        Assert.False(model.Vocabulary.Matches(other.Vocabulary));
    }

    [Fact]
    public void The_collected_matrix_is_the_recorded_one()
    {
        using ILanguageModel model = Load();

        (ImatrixData matrix, PerplexityResult perplexity) = ImatrixCollector.Collect(
            model, Sample.Calibration, new() { Threads = 1, ContextLength = 256, Chunks = 4 }, cancellationToken: Token);

        ImatrixData recorded = ImatrixData.From(ImatrixFile.Open(s_recordedMatrix, Token), 256);
        Assert.Equal(recorded.Entries.Keys, matrix.Entries.Keys);
        foreach ((string name, ImatrixSums sums) in recorded.Entries)
        {
            ImatrixSums actual = matrix.Entries[name];
            Assert.Equal(sums.Counts, actual.Counts);
            for (int i = 0; i < sums.Squares.Length; i++)
                Assert.Equal(sums.Squares[i], actual.Squares[i], RecordedMatrixTolerance * sums.Squares[i]);
        }
        Assert.Equal(14.9294, perplexity.Perplexity.Value, 0.005);
    }

    [Fact]
    public void The_log_arrives_in_lines()
    {
        List<string> lines = [];
        Start((_, line) =>
        {
            lock (lines)
                lines.Add(line);
        }).Load(Sample.Model, new(), Token).Dispose();

        Assert.Contains(lines, line => line.Contains("general.architecture", StringComparison.Ordinal));
        Assert.DoesNotContain(lines, line => line.Contains('\n', StringComparison.Ordinal));
    }

    [Fact]
    public void The_inputs_of_matrix_products_are_observed()
    {
        using ILanguageModel model = Load();
        Recorder recorder = new();
        using IEvaluationContext context = model.CreateContext(new() { Threads = 1, ContextLength = 32, Observer = recorder });

        context.Evaluate(model.Tokenize(Sample.HeldOut[..400], addSpecial: true)[..32], 0, 0, Token);

        Assert.Equal((256L, 256L, 32L), recorder.Seen["blk.0.attn_q.weight"]);
        Assert.Equal((768L, 256L, 32L), recorder.Seen["blk.5.ffn_down.weight"]);
        // llama.cpp computes queries, keys and values from the same normalized input.
        Assert.Equal(recorder.Sums["blk.3.attn_q.weight"], recorder.Sums["blk.3.attn_k.weight"]);
        Assert.NotEqual(0, recorder.Sums["blk.3.attn_q.weight"]);
    }

    [Fact]
    public void An_observers_exception_is_rethrown()
    {
        using ILanguageModel model = Load();
        using IEvaluationContext context = model.CreateContext(new() { Threads = 1, ContextLength = 32, Observer = new Thrower() });

        InvalidTimeZoneException exception = Assert.Throws<InvalidTimeZoneException>(() => context.Evaluate(new int[32], 0, 0, Token));

        Assert.Equal("blk.0", exception.Message);
    }

    protected ILanguageModel Load(string? path = null) => Start().Load(path ?? Sample.Model, new(), Token);

    private sealed class Recorder : IActivationObserver
    {
        public Dictionary<string, (long RowLength, long Rows, long Tokens)> Seen { get; } = [];

        public Dictionary<string, double> Sums { get; } = [];

        public bool Wants(in MatrixProduct product) => product.WeightName.StartsWith("blk.", StringComparison.Ordinal) && product.HasFloatInput;

        public void Observe(in MatrixProduct product)
        {
            Assert.False(product.IsIndirect);
            Seen[product.WeightName] = (product.WeightShape[0], product.WeightShape[1], product.InputShape[1]);
            double sum = 0;
            for (int row = 0; row < product.InputShape[1]; row++)
            {
                foreach (float value in product.InputRow(row, 0, 0))
                    sum += value;
            }
            Sums[product.WeightName] = sum;
        }
    }

    private sealed class Thrower : IActivationObserver
    {
        public bool Wants(in MatrixProduct product) => product.WeightName.StartsWith("blk.", StringComparison.Ordinal);

        public void Observe(in MatrixProduct product) => throw new InvalidTimeZoneException(product.WeightName[..5]);
    }
}
