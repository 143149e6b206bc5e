using System.Diagnostics;
using System.Globalization;
using GgufQuant.Evaluation.Engines;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Speed;

/// <summary>Measures how fast a model reads a prompt and generates, by llama-bench's method.</summary>
/// <remarks>
/// Tokens are random, because their choice does not affect the speed. Each test starts with an empty context, after a warm-up:
/// one run of the prompt, one token of the generation. Sampling is not timed.
/// </remarks>
internal static class SpeedMeter
{
    // As in llama-bench.
    private const int BatchSize = 2048;

    /// <summary>Measures a model.</summary>
    /// <param name="model">The model.</param>
    /// <param name="options">What to measure.</param>
    /// <param name="progress">Reports after each batch and each generated token.</param>
    /// <param name="cancellationToken">Cancels within an evaluation.</param>
    /// <exception cref="InferenceException">The engine failed.</exception>
    public static SpeedResult Measure(
        ILanguageModel model, SpeedOptions options, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Repetitions, 1, nameof(options));
        // Learned positions end at the training context.
        int longest = model.TrainedContextLength > 0 ? model.TrainedContextLength : int.MaxValue;
        int prompt = Math.Min(options.PromptTokens, longest);
        int generated = Math.Min(options.GeneratedTokens, longest);
        return new(
            prompt,
            prompt == 0 ? [] : MeasureTest("Prompt", model, prompt, BatchSize, warmUp: prompt, options, progress, cancellationToken),
            generated,
            generated == 0 ? [] : MeasureTest("Generation", model, generated, batchSize: 1, warmUp: 1, options, progress, cancellationToken));
    }

    private static double[] MeasureTest(
        string name, ILanguageModel model, int count, int batchSize, int warmUp, SpeedOptions options,
        IProgress<WorkProgress>? progress, CancellationToken cancellationToken)
    {
        using IEvaluationContext context = model.CreateContext(
            new() { ContextLength = count, BatchSize = Math.Min(batchSize, count), Threads = options.Threads });
        Random random = new(1);
        int[] tokens = [.. Enumerable.Range(0, count).Select(_ => random.Next(model.Vocabulary.Count))];
        if (model.Vocabulary is { AddsBeginningOfSequence: true, BeginningOfSequence: >= 0 and int beginning })
            tokens[0] = beginning;
        Evaluate(tokens.AsSpan(0, warmUp), _ => { });
        double[] samples = new double[options.Repetitions];
        for (int run = 0; run < samples.Length; run++)
        {
            long start = Stopwatch.GetTimestamp();
            Evaluate(tokens, done => progress?.Report(new(
                string.Create(CultureInfo.InvariantCulture, $"{name}, run {run + 1} of {samples.Length}"), (run + ((double)done / count)) / samples.Length)));
            samples[run] = count / Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
        return samples;

        void Evaluate(ReadOnlySpan<int> evaluated, Action<int> report)
        {
            context.Reset();
            for (int start = 0; start < evaluated.Length; start += context.BatchSize)
            {
                int length = Math.Min(context.BatchSize, evaluated.Length - start);
                context.Evaluate(evaluated.Slice(start, length), start, length - 1, cancellationToken);
                report(start + length);
            }
        }
    }
}
