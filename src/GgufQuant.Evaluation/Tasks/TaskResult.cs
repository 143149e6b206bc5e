namespace GgufQuant.Evaluation.Tasks;

/// <summary>A model's answers to the questions of a task.</summary>
public sealed class TaskResult
{
    /// <summary>Chooses by the scores.</summary>
    /// <param name="data">The questions.</param>
    /// <param name="scores">For each question, the score of each choice: the mean logarithm of the probability of its scored tokens.</param>
    public TaskResult(TaskData data, IReadOnlyList<IReadOnlyList<double>> scores)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(scores);
        Data = data;
        Scores = scores;
        Answers = [.. scores.Select(choices => Choose(choices, data.Kind))];
        Correct = Answers.Zip(data.Questions).Count(pair => pair.First == pair.Second.Answer);
        (AccuracyLow, AccuracyHigh) = TaskStatistics.WilsonInterval(Correct, Answers.Count);
    }

    /// <summary>The questions.</summary>
    public TaskData Data { get; }

    /// <summary>For each question, the score of each choice, in nats per token: 0 at most.</summary>
    public IReadOnlyList<IReadOnlyList<double>> Scores { get; }

    /// <summary>For each question, the index of the choice with the highest score.</summary>
    public IReadOnlyList<int> Answers { get; }

    /// <summary>Number of correct answers.</summary>
    public int Correct { get; }

    /// <summary>Share of correct answers, 0 to 1.</summary>
    public double Accuracy => (double)Correct / Answers.Count;

    /// <summary>The lower end of the accuracy's 95% confidence interval, after Wilson.</summary>
    public double AccuracyLow { get; }

    /// <summary>The upper end of that interval.</summary>
    public double AccuracyHigh { get; }

    // As llama-perplexity: of equal scores the first counts, except that Winogrande's first word must be the better one.
    internal static int Choose(IReadOnlyList<double> scores, TaskKind kind)
    {
        int best = 0;
        for (int i = 1; i < scores.Count; i++)
        {
            if (scores[i] > scores[best] || (kind == TaskKind.Winogrande && scores[i] == scores[best]))
                best = i;
        }
        return best;
    }
}
