using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Speed;

namespace GgufQuant.Evaluation.Tests.Speed;

/// <summary>Speeds, measured as llama-bench measures them.</summary>
public sealed class SpeedMeterTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void A_prompt_is_evaluated_in_batches_and_a_generation_token_by_token_after_a_warm_up()
    {
        RecordingModel model = new(trainedContextLength: 8192);

        SpeedResult result = SpeedMeter.Measure(model, new() { PromptTokens = 3000, GeneratedTokens = 3, Repetitions = 2 }, null, Token);

        int[] prompt = [2048, 952];
        Assert.Equal([.. prompt, .. prompt, .. prompt, 1, 1, 1, 1, 1, 1, 1], model.Batches);
        Assert.Equal(6, model.Resets);
        Assert.Equal(2, result.PromptSamples.Count);
        Assert.Equal(2, result.GenerationSamples.Count);
        Assert.All(result.PromptSamples.Concat(result.GenerationSamples), sample => Assert.True(sample > 0));
    }

    [Fact]
    public void No_more_tokens_are_evaluated_than_the_model_was_trained_with()
    {
        SpeedResult result = SpeedMeter.Measure(new RecordingModel(trainedContextLength: 16), new() { Repetitions = 1 }, null, Token);

        Assert.Equal(16, result.PromptTokens);
        Assert.Equal(16, result.GeneratedTokens);
    }

    [Fact]
    public void What_is_not_asked_for_is_not_run()
    {
        RecordingModel model = new(trainedContextLength: 16);

        SpeedResult result = SpeedMeter.Measure(model, new() { PromptTokens = 0, GeneratedTokens = 2, Repetitions = 1 }, null, Token);

        Assert.Empty(result.PromptSamples);
        Assert.Equal([1, 1, 1], model.Batches);
    }

    [Fact]
    public void The_deviation_is_that_of_a_sample()
    {
        Assert.Equal((2.0, 1.0), SpeedResult.Summarize([1, 2, 3]));
        Assert.Equal((5.0, 0.0), SpeedResult.Summarize([5]));
        Assert.Null(SpeedResult.Summarize([]));
    }

    /// <summary>A model that keeps the lengths of its batches.</summary>
    private sealed class RecordingModel(int trainedContextLength) : ILanguageModel, IEvaluationContext
    {
        private ContextOptions? _options;

        public List<int> Batches { get; } = [];

        public int Resets { get; private set; }

        public string Path => "model.gguf";

        public string Description => "";

        public int TrainedContextLength => trainedContextLength;

        public Vocabulary Vocabulary { get; } = new(10, -1, false, false, "");

        public int ContextLength => _options!.ContextLength;

        public int BatchSize => _options!.BatchSize;

        public int[] Tokenize(string text, bool addSpecial, bool parseSpecial = false) => [];

        public string Detokenize(ReadOnlySpan<int> tokens) => "";

        public bool IsEndOfGeneration(int token) => false;

        public IEvaluationContext CreateContext(ContextOptions options)
        {
            _options = options;
            return this;
        }

        public void Reset() => Resets++;

        public void Evaluate(ReadOnlySpan<int> tokens, int position, int firstOutput, CancellationToken cancellationToken)
        {
            Assert.Equal(tokens.Length - 1, firstOutput);
            Assert.InRange(position + tokens.Length, 1, ContextLength);
            Batches.Add(tokens.Length);
        }

        public ReadOnlySpan<float> Logits(int index) => [];

        public void Dispose()
        {
        }
    }
}
