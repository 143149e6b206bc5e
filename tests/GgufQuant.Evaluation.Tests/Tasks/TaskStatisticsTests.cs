using GgufQuant.Evaluation.Tasks;

namespace GgufQuant.Evaluation.Tests.Tasks;

/// <summary>Intervals and tests, held against their formulas in exact arithmetic.</summary>
public sealed class TaskStatisticsTests
{
    [Theory]
    [InlineData(5, 10, 0.236593, 0.763407)]
    [InlineData(0, 10, 0, 0.277533)]
    [InlineData(10, 10, 0.722467, 1)]
    [InlineData(177, 400, 0.394614, 0.491468)]
    public void The_interval_is_Wilson_s(int correct, int count, double low, double high)
    {
        (double Low, double High) interval = TaskStatistics.WilsonInterval(correct, count);

        Assert.Equal(low, interval.Low, 2e-4);
        Assert.Equal(high, interval.High, 2e-4);
    }

    [Theory]
    [InlineData(0, 0, 1)]
    [InlineData(1, 0, 1)]
    [InlineData(5, 5, 1)]
    [InlineData(1, 9, 0.021484375)]
    [InlineData(9, 1, 0.021484375)]
    [InlineData(0, 10, 0.001953125)]
    [InlineData(10, 13, 0.677639484405517)]
    public void The_test_of_lost_and_gained_is_exact(int lost, int gained, double expected)
    {
        Assert.Equal(expected, TaskStatistics.McNemar(lost, gained), 1e-12);
    }

    [Fact]
    public void Large_numbers_do_not_overflow()
    {
        Assert.Equal(1, TaskStatistics.McNemar(50_000, 50_000), 1e-3);
        Assert.InRange(TaskStatistics.McNemar(4_000, 6_000), 0, 1e-80);
    }

    [Fact]
    public void Answers_are_compared_question_by_question()
    {
        using TemporaryFolder folder = new();
        string line = "{\"question\": \"q\", \"choices\": [\"a\", \"b\", \"c\"], \"answer\": 0}\n";
        File.WriteAllText(folder.File("q.jsonl"), string.Concat(Enumerable.Repeat(line, 5)));
        TaskData data = TaskData.Open(folder.File("q.jsonl"));
        TaskResult reference = Answering(data, 0, 0, 0, 1, 1);
        TaskResult candidate = Answering(data, 0, 1, 2, 0, 2);

        TaskComparison comparison = TaskComparison.Of(reference, candidate);

        Assert.Equal(new(0.2, Lost: 2, Gained: 1), comparison);
        Assert.Equal(3, reference.Correct);
        Assert.Equal(2, candidate.Correct);
        Assert.Equal(1, comparison.PValue, 1e-12);
    }

    [Theory]
    [InlineData(TaskKind.HellaSwag, 0)]
    [InlineData(TaskKind.Winogrande, 1)]
    [InlineData(TaskKind.MultipleChoice, 0)]
    public void Of_equal_scores_llama_perplexity_takes_the_first_except_for_Winogrande(TaskKind kind, int expected)
    {
        Assert.Equal(expected, TaskResult.Choose([-1, -1], kind));
    }

    private static TaskResult Answering(TaskData data, params int[] answers) =>
        new(data, [.. answers.Select(answer => Enumerable.Range(0, 3).Select(i => i == answer ? -1.0 : -2.0).ToArray())]);
}
