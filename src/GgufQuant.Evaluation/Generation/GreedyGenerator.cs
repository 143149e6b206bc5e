using System.Diagnostics;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Perplexity;

namespace GgufQuant.Evaluation.Generation;

/// <summary>Continues prompts with the most probable token each time, so that a model always writes the same text.</summary>
public static class GreedyGenerator
{
    /// <summary>Continues a prompt.</summary>
    /// <param name="model">The model.</param>
    /// <param name="context">Its context, long enough for prompt and continuation together.</param>
    /// <param name="prompt">The prompt; special tokens written in it are parsed as such.</param>
    /// <param name="maximumTokens">Maximum tokens of the continuation.</param>
    /// <param name="progress">Reports the continuation's length after each token.</param>
    /// <param name="cancellationToken">Cancels within a token.</param>
    /// <exception cref="InferenceException">The prompt has no tokens, or does not fit into the context.</exception>
    public static GeneratedText Generate(
        ILanguageModel model,
        IEvaluationContext context,
        string prompt,
        int maximumTokens,
        IProgress<int>? progress = null,
        CancellationToken cancellationToken = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maximumTokens, 1);
        int[] tokens = Tokenize(model, prompt);
        if (tokens.Length + maximumTokens > context.ContextLength)
            throw new InferenceException($"A prompt of {tokens.Length} tokens plus {maximumTokens} more does not fit into a context of {context.ContextLength}.");

        long started = Stopwatch.GetTimestamp();
        context.Reset();
        int length = 0;
        for (int start = 0; start < tokens.Length; start += context.BatchSize)
        {
            length = Math.Min(context.BatchSize, tokens.Length - start);
            bool isLast = start + length == tokens.Length;
            context.Evaluate(tokens.AsSpan(start, length), start, isLast ? length - 1 : length, cancellationToken);
        }
        TimeSpan promptTime = Stopwatch.GetElapsedTime(started);

        started = Stopwatch.GetTimestamp();
        List<int> generated = [];
        bool ended = false;
        int evaluations = 0;
        int next = Best(context, length - 1);
        while (!(ended = model.IsEndOfGeneration(next)))
        {
            generated.Add(next);
            progress?.Report(generated.Count);
            if (generated.Count == maximumTokens)
                break;
            context.Evaluate([next], tokens.Length + evaluations, 0, cancellationToken);
            evaluations++;
            next = Best(context, 0);
        }
        TimeSpan time = Stopwatch.GetElapsedTime(started);
        int[] continuation = [.. generated];
        return new()
        {
            Text = model.Detokenize(continuation),
            Tokens = continuation,
            Ended = ended,
            Repetition = Repetition.Of(continuation),
            PromptTokens = tokens.Length,
            PromptTokensPerSecond = tokens.Length / Math.Max(promptTime.TotalSeconds, 1e-9),
            TokensPerSecond = evaluations / Math.Max(time.TotalSeconds, 1e-9),
        };
    }

    /// <summary>Tokenizes a prompt.</summary>
    /// <exception cref="InferenceException">There are none.</exception>
    internal static int[] Tokenize(ILanguageModel model, string prompt)
    {
        int[] tokens = model.Tokenize(prompt, addSpecial: true, parseSpecial: true);
        return tokens.Length > 0 ? tokens : throw new InferenceException("The prompt is empty, so there is nothing to continue.");
    }

    private static int Best(IEvaluationContext context, int index) => TokenDistribution.FromLogits(context.Logits(index)).Top;
}
