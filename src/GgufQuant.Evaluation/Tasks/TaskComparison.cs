namespace GgufQuant.Evaluation.Tasks;

/// <summary>A model's answers compared with the reference's, question by question.</summary>
/// <param name="SameAnswer">Share of questions for which both choose the same answer, 0 to 1.</param>
/// <param name="Lost">Questions that only the reference answers correctly.</param>
/// <param name="Gained">Questions that only the model answers correctly.</param>
public readonly record struct TaskComparison(double SameAnswer, int Lost, int Gained)
{
    /// <summary>The p-value of the exact two-sided McNemar test: small if lost and gained differ by more than chance.</summary>
    public double PValue => TaskStatistics.McNemar(Lost, Gained);

    /// <summary>Compares the answers to the same questions.</summary>
    public static TaskComparison Of(TaskResult reference, TaskResult result)
    {
        ArgumentNullException.ThrowIfNull(reference);
        ArgumentNullException.ThrowIfNull(result);
        int same = 0, lost = 0, gained = 0;
        for (int i = 0; i < result.Answers.Count; i++)
        {
            int correct = result.Data.Questions[i].Answer;
            if (result.Answers[i] == reference.Answers[i])
                same++;
            else if (reference.Answers[i] == correct)
                lost++;
            else if (result.Answers[i] == correct)
                gained++;
        }
        return new((double)same / result.Answers.Count, lost, gained);
    }
}
