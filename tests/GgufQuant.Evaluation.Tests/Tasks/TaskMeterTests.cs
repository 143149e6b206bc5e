using System.Text.Json;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Tasks;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Tests.Tasks;

/// <summary>Scores of choices, held against the full logits of each choice evaluated alone.</summary>
public sealed class TaskMeterTests : IDisposable
{
    // Sums over the cache are rounded differently if it also holds other sequences.
    private const double Tolerance = 2e-3;

    private static readonly string s_continuations = Repository.PathOf("samples", "continuations.txt");

    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Endings_are_scored_by_the_mean_of_what_they_do_not_share()
    {
        TaskData data = TaskData.Open(s_continuations, count: 24);
        using ILanguageModel model = SampleEngine.Load();

        TaskResult result = TaskMeter.Measure(model, data, threads: 1, progress: null, Token);

        using IEvaluationContext alone = model.CreateContext(new() { ContextLength = 256, Threads = 1 });
        int correct = 0;
        for (int i = 0; i < data.Questions.Count; i++)
        {
            TaskQuestion question = data.Questions[i];
            int[][] texts = [.. question.Choices.Select(choice => model.Tokenize(question.Text + " " + choice, addSpecial: true))];
            int prefix = PrefixOf(texts);
            double[] expected = [.. texts.Select(tokens => Mean(alone, tokens, prefix, tokens.Length))];
            AssertClose(expected, result.Scores[i]);
            correct += Array.IndexOf(expected, expected.Max()) == question.Answer ? 1 : 0;
        }
        Assert.Equal(correct, result.Correct);
        Assert.InRange(correct, 7, 20);
    }

    [Fact]
    public void Winogrande_scores_what_follows_the_blank_without_the_last_token()
    {
        string[] lines =
        [
            "0,Natasha thanked Princess Mary because _ had come to see her in Moscow.,Mary,Natasha,1",
            "1,\"Pierre looked at the general, but _ did not say a word to him.\",the general,he,1",
            "2,The prince gave the letter to the count and then _ left.,the prince,he,2",
        ];
        TaskData data = Data("w.csv", string.Join('\n', lines));
        using ILanguageModel model = SampleEngine.Load();

        TaskResult result = TaskMeter.Measure(model, data, threads: 1, progress: null, Token);

        using IEvaluationContext alone = model.CreateContext(new() { ContextLength = 256, Threads = 1 });
        List<bool> skipsWord = [];
        for (int i = 0; i < data.Questions.Count; i++)
        {
            TaskQuestion question = data.Questions[i];
            string[] parts = question.Text.Split('_');
            int[][] texts = [.. question.Choices.Select(choice => model.Tokenize(parts[0] + choice + parts[1], addSpecial: true))];
            int prefix = PrefixOf(texts);
            skipsWord.Add(texts.All(tokens => tokens.Length - prefix > 3));
            double[] expected = new double[2];
            for (int choice = 0; choice < 2; choice++)
            {
                int first = skipsWord[i] ? model.Tokenize(parts[0] + question.Choices[choice], addSpecial: true).Length : prefix;
                int end = texts[choice].Length - first > 1 ? texts[choice].Length - 1 : texts[choice].Length;
                expected[choice] = Mean(alone, texts[choice], first, end);
            }
            AssertClose(expected, result.Scores[i]);
        }
        Assert.Equal([true, true, false], skipsWord);
    }

    [Fact]
    public void Questions_with_different_numbers_of_choices_are_scored_together()
    {
        string[] lines =
        [
            Line("It was the first time that", ["she had seen him", "he", "they had been in Moscow, and nobody knew it"], 0),
            Line("Princess Mary", ["smiled", "was silent, and then she said"], 1),
            Line("Rostov", [.. Enumerable.Range(1, 70).Select(number => $"answer {number}, which nobody had thought of")], 3),
        ];
        TaskData data = Data("q.jsonl", string.Join('\n', lines));
        using ILanguageModel model = SampleEngine.Load();

        TaskResult result = TaskMeter.Measure(model, data, threads: 1, progress: null, Token);

        using IEvaluationContext alone = model.CreateContext(new() { ContextLength = 256, Threads = 1 });
        for (int i = 0; i < lines.Length; i++)
        {
            TaskQuestion question = data.Questions[i];
            int[][] texts = [.. question.Choices.Select(choice => model.Tokenize(question.Text + " " + choice, addSpecial: true))];
            AssertClose([.. texts.Select(tokens => Mean(alone, tokens, PrefixOf(texts), tokens.Length))], result.Scores[i]);
        }
    }

    [Fact]
    public void A_choice_with_which_another_begins_keeps_a_token_to_score()
    {
        TaskData data = Data("q.jsonl", Line("He said", ["that he was", "that he was ill", "that he was"], 1));
        using ILanguageModel model = SampleEngine.Load();

        IReadOnlyList<double> scores = TaskMeter.Measure(model, data, threads: 1, progress: null, Token).Scores[0];

        Assert.All(scores, score => Assert.True(double.IsFinite(score) && score < 0));
        Assert.Equal(scores[0], scores[2], 1e-5);
    }

    [Fact]
    public void A_question_longer_than_the_model_s_context_is_an_error_that_names_it()
    {
        TaskData data = Data("q.jsonl", Line("yes", ["a", "b"], 0) + "\n" + Line(Sample.HeldOut[..2000], ["a", "b"], 0));
        using ILanguageModel model = SampleEngine.Load();

        InferenceException exception = Assert.Throws<InferenceException>(() => TaskMeter.Measure(model, data, threads: 1, progress: null, Token));

        Assert.StartsWith($"Question 1 of '{data.Path}' takes ", exception.Message, StringComparison.Ordinal);
        Assert.EndsWith("was trained with 256.", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Progress_counts_the_questions_and_the_correct_answers()
    {
        TaskData data = TaskData.Open(s_continuations, count: 24);
        using ILanguageModel model = SampleEngine.Load();
        Collector progress = new();

        TaskMeter.Measure(model, data, threads: 1, progress, Token);

        WorkProgress last = progress.Values[^1];
        Assert.Matches(@"^Question 24 of 24, \d+\.\d% correct$", last.Status);
        Assert.Equal(1, last.Share);
        Assert.Contains(progress.Values, report => report.Share is > 0 and < 1 && report.Remaining > TimeSpan.Zero);
    }

    private static string Line(string question, string[] choices, int answer) => JsonSerializer.Serialize(new { question, choices, answer });

    private static int PrefixOf(int[][] texts) =>
        Enumerable.Range(0, texts.Min(tokens => tokens.Length)).TakeWhile(i => texts.All(tokens => tokens[i] == texts[0][i])).Count();

    private static double Mean(IEvaluationContext context, int[] tokens, int first, int end)
    {
        context.Reset();
        context.Evaluate(tokens, 0, 0, Token);
        double sum = 0;
        for (int i = first; i < end; i++)
        {
            float[] logits = context.Logits(i - 1).ToArray();
            double largest = logits.Max();
            sum += logits[tokens[i]] - largest - Math.Log(logits.Sum(logit => Math.Exp(logit - largest)));
        }
        return sum / (end - first);
    }

    private static void AssertClose(double[] expected, IReadOnlyList<double> actual)
    {
        Assert.Equal(expected.Length, actual.Count);
        for (int i = 0; i < expected.Length; i++)
            Assert.Equal(expected[i], actual[i], Tolerance);
    }

    private TaskData Data(string name, string text)
    {
        File.WriteAllText(_folder.File(name), text + "\n");
        return TaskData.Open(_folder.File(name));
    }
}
