using System.Diagnostics;
using System.Globalization;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Tasks;

/// <summary>Scores the choices of questions with a model.</summary>
/// <remarks>
/// Several questions are evaluated at once. The choices of one question are sequences with a common prefix,
/// which is evaluated once.
/// </remarks>
internal static class TaskMeter
{
    // Tokens in memory at once, unless a single question needs more: the cost of attention grows with their square.
    private const int ContextLength = 512;
    private const int Sequences = 64;

    /// <summary>Scores every choice of every question.</summary>
    /// <param name="model">The model.</param>
    /// <param name="data">The questions.</param>
    /// <param name="threads">Threads; 0 for one per processor.</param>
    /// <param name="progress">Reports after each batch of questions.</param>
    /// <param name="cancellationToken">Cancels within an evaluation.</param>
    /// <returns>The model's scores and answers.</returns>
    /// <exception cref="TaskDataException">A question cannot be scored.</exception>
    /// <exception cref="InferenceException">A question is longer than the model's context, or the engine failed.</exception>
    public static TaskResult Measure(
        ILanguageModel model, TaskData data, int threads, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(data);
        TokenizedQuestion[] questions = Tokenize(model, data, progress, cancellationToken);
        ContextOptions options = new()
        {
            ContextLength = Math.Max(ContextLength, questions.Max(question => question.Required)),
            Sequences = Math.Max(Sequences, questions.Max(question => question.Choices.Length)),
            Threads = threads,
        };
        using IEvaluationContext context = model.CreateContext(options);
        double[][] scores = new double[questions.Length][];
        long start = Stopwatch.GetTimestamp();
        int correct = 0;
        for (int first = 0; first < questions.Length;)
        {
            int end = EndOfBatch(questions, first, options);
            Score(context, options.EffectiveThreads, questions.AsSpan(first..end), scores.AsSpan(first..end), cancellationToken);
            for (; first < end; first++)
                correct += TaskResult.Choose(scores[first], data.Kind) == data.Questions[first].Answer ? 1 : 0;
            progress?.Report(WorkProgress.Of(
                string.Create(CultureInfo.InvariantCulture, $"Question {end} of {questions.Length}, {(double)correct / end:0.0%} correct"), end, questions.Length, start));
        }
        return new(data, scores);
    }

    private static TokenizedQuestion[] Tokenize(
        ILanguageModel model, TaskData data, IProgress<WorkProgress>? progress, CancellationToken cancellationToken)
    {
        TokenizedQuestion[] questions = new TokenizedQuestion[data.Questions.Count];
        for (int i = 0; i < questions.Length; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            questions[i] = TokenizedQuestion.Of(model, data.Questions[i], data);
            if (model.TrainedContextLength > 0 && questions[i].Length > model.TrainedContextLength)
            {
                throw new InferenceException(
                    $"Question {data.Questions[i].Index} of '{data.Path}' takes {questions[i].Length} tokens with its longest choice, but '{model.Path}' was trained with {model.TrainedContextLength}.");
            }
            if (i % 256 == 0)
                progress?.Report(new($"Tokenizing {questions.Length} questions", 0));
        }
        return questions;
    }

    private static int EndOfBatch(TokenizedQuestion[] questions, int first, ContextOptions options)
    {
        int tokens = 0, sequences = 0, end = first;
        for (; end < questions.Length; end++)
        {
            tokens += questions[end].Required;
            sequences += questions[end].Choices.Length;
            if (tokens > options.ContextLength || sequences > options.Sequences)
                break;
        }
        return end;
    }

    private static void Score(
        IEvaluationContext context, int threads, ReadOnlySpan<TokenizedQuestion> questions, Span<double[]> scores, CancellationToken cancellationToken)
    {
        List<SequenceToken> tokens = [];
        // The predictions to score at each of these tokens; null for none.
        List<List<Prediction>?> predictions = [];
        int sequence = 0;
        for (int i = 0; i < questions.Length; i++)
        {
            Add(questions[i], i, sequence, tokens, predictions);
            sequence += questions[i].Choices.Length;
            scores[i] = new double[questions[i].Choices.Length];
        }
        context.Reset();
        SequenceToken[] all = [.. tokens];
        for (int start = 0; start < all.Length; start += context.BatchSize)
        {
            int length = Math.Min(context.BatchSize, all.Length - start);
            context.Evaluate(all.AsSpan(start, length), cancellationToken);
            int[] rows = [.. Enumerable.Range(start, length).Where(index => predictions[index] is not null)];
            double[][] logs = new double[rows.Length][];
            int offset = start;
            ParallelLoop.For(rows.Length, threads, row =>
            {
                TokenDistribution distribution = TokenDistribution.FromLogits(context.Logits(rows[row] - offset));
                List<Prediction> predicted = predictions[rows[row]]!;
                logs[row] = new double[predicted.Count];
                for (int i = 0; i < predicted.Count; i++)
                    logs[row][i] = distribution.LogProbability(predicted[i].Token);
            }, cancellationToken);
            for (int row = 0; row < rows.Length; row++)
            {
                foreach ((Prediction prediction, double log) in predictions[rows[row]]!.Zip(logs[row]))
                    scores[prediction.Question][prediction.Choice] += log;
            }
        }
        for (int i = 0; i < questions.Length; i++)
        {
            for (int choice = 0; choice < scores[i].Length; choice++)
                scores[i][choice] /= questions[i].Scored[choice].End - questions[i].Scored[choice].First;
        }
    }

    private static void Add(
        TokenizedQuestion question, int index, int sequence, List<SequenceToken> tokens, List<List<Prediction>?> predictions)
    {
        int[][] choices = question.Choices;
        for (int position = 0; position < question.Prefix; position++)
        {
            int next = position + 1;
            Prediction[] predicted = [.. from choice in Enumerable.Range(0, choices.Length)
                                         where question.Scored[choice].First <= next && next == question.Prefix
                                         select new Prediction(index, choice, choices[choice][next])];
            tokens.Add(new(choices[0][position], position, sequence, choices.Length, predicted.Length > 0));
            predictions.Add(predicted.Length > 0 ? [.. predicted] : null);
        }
        for (int choice = 0; choice < choices.Length; choice++)
        {
            (int first, int end) = question.Scored[choice];
            for (int position = question.Prefix; position < end - 1; position++)
            {
                bool isScored = position + 1 >= first;
                tokens.Add(new(choices[choice][position], position, sequence + choice, 1, isScored));
                predictions.Add(isScored ? [new(index, choice, choices[choice][position + 1])] : null);
            }
        }
    }

    private readonly record struct Prediction(int Question, int Choice, int Token);
}
