using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Generation;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Tests.Generation;

public sealed class GenerationMeterTests
{
    private static readonly string[] s_prompts = ["Prince Andrew looked at her and", "It was a"];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void The_most_probable_tokens_are_generated()
    {
        using ILanguageModel model = SampleEngine.Load();
        using IEvaluationContext context = model.CreateContext(new() { Threads = 1, ContextLength = 40, BatchSize = 4 });

        GeneratedText text = GreedyGenerator.Generate(model, context, s_prompts[0], 12, null, Token);

        int[] tokens = model.Tokenize(s_prompts[0], addSpecial: true);
        List<int> expected = [];
        using IEvaluationContext fresh = model.CreateContext(new() { Threads = 1, ContextLength = 40 });
        for (int i = 0; i < 12; i++)
        {
            int[] all = [.. tokens, .. expected];
            fresh.Reset();
            fresh.Evaluate(all, 0, all.Length - 1, Token);
            float[] logits = fresh.Logits(all.Length - 1).ToArray();
            expected.Add(Array.IndexOf(logits, logits.Max()));
        }
        Assert.Equal(expected, text.Tokens);
        Assert.Equal(model.Detokenize([.. expected]), text.Text);
        Assert.Equal(tokens.Length, text.PromptTokens);
        Assert.True(text.PromptTokensPerSecond > 0 && text.TokensPerSecond > 0);
        Assert.False(text.Ended);
    }

    [Fact]
    public void A_model_agrees_with_itself()
    {
        GenerationMeter meter = new(SampleEngine.Start(), Sample.Model, s_prompts, new() { MaximumTokens = 10, Threads = 1 });

        IReadOnlyList<GenerationComparison> comparisons = meter.Measure(Sample.Model, null, Token);

        Assert.Equal(s_prompts, comparisons.Select(comparison => comparison.Prompt));
        Assert.All(comparisons, comparison => Assert.True(comparison.IsIdentical));
        Assert.All(comparisons, comparison => Assert.Equal(comparison.Reference.Text, comparison.AgreeingText));
        Assert.Equal(comparisons.Select(comparison => comparison.Candidate.Text), meter.MeasureReference(null, Token).Select(text => text.Candidate.Text));
    }

    [Fact]
    public void The_first_difference_of_a_quantization_is_found()
    {
        GenerationMeter meter = new(SampleEngine.Start(), Sample.Model, s_prompts, new() { MaximumTokens = 48, Threads = 1 });

        GenerationComparison comparison = meter.Measure(SampleEngine.Quantized("Q2_K"), null, Token)[0];

        Assert.False(comparison.IsIdentical);
        Assert.InRange(comparison.AgreeingTokens, 0, 47);
        Assert.NotEqual(comparison.Reference.Tokens[comparison.AgreeingTokens], comparison.Candidate.Tokens[comparison.AgreeingTokens]);
        Assert.Equal(comparison.Reference.Tokens.Take(comparison.AgreeingTokens), comparison.Candidate.Tokens.Take(comparison.AgreeingTokens));
        Assert.StartsWith(comparison.AgreeingText, comparison.Reference.Text, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_token_is_reported()
    {
        GenerationMeter meter = new(SampleEngine.Start(), Sample.Model, s_prompts, new() { MaximumTokens = 2, Threads = 1 });
        Collector progress = new();

        meter.Measure(Sample.Model, progress, Token);

        // The reference's texts first, then the candidate's.
        WorkProgress[] once =
        [
            new("Prompt 1 of 2, token 1 of 2", 0.25), new("Prompt 1 of 2, token 2 of 2", 0.5),
            new("Prompt 2 of 2, token 1 of 2", 0.75), new("Prompt 2 of 2, token 2 of 2", 1),
        ];
        Assert.Equal([.. once, .. once], progress.Values);
    }

    [Fact]
    public void A_different_vocabulary_is_rejected()
    {
        using TemporaryFolder folder = new();
        GenerationMeter meter = new(SampleEngine.Start(), Sample.Model, s_prompts, new() { MaximumTokens = 2, Threads = 1 });

        Assert.Throws<VocabularyMismatchException>(() => meter.Measure(Sample.Patched(folder, "Prince", "Prinze"), null, Token));
    }

    [Fact]
    public void A_prompt_that_does_not_fit_is_rejected()
    {
        using ILanguageModel model = SampleEngine.Load();
        using IEvaluationContext context = model.CreateContext(new() { Threads = 1, ContextLength = 8 });

        Assert.Throws<InferenceException>(() => GreedyGenerator.Generate(model, context, s_prompts[0], 8, null, Token));
    }
}
