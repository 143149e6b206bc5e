using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Evaluation.Tasks;

/// <summary>A question's choices as tokens: their common prefix, and the tokens to score.</summary>
/// <remarks>After <c>hellaswag_score</c>, <c>winogrande_score</c> and <c>multiple_choice_score</c> of llama-perplexity.</remarks>
internal sealed class TokenizedQuestion
{
    // Winogrande scores the part after the blank only if both sentences have more tokens than this after their common prefix.
    private const int FewestTrailingTokens = 3;

    private TokenizedQuestion(int[][] choices, int prefix, (int First, int End)[] scored)
    {
        Choices = choices;
        Prefix = prefix;
        Scored = scored;
    }

    /// <summary>The tokens of each choice, preceded by the question's.</summary>
    internal int[][] Choices { get; }

    /// <summary>The length of the common prefix, less than that of any choice.</summary>
    internal int Prefix { get; }

    /// <summary>The tokens of each choice whose probabilities are averaged.</summary>
    internal (int First, int End)[] Scored { get; }

    /// <summary>The number of tokens in memory at once; the last scored token of a choice is predicted, but not evaluated.</summary>
    internal int Required => Prefix + Scored.Sum(range => Math.Max(0, range.End - 1 - Prefix));

    /// <summary>The longest choice.</summary>
    internal int Length => Choices.Max(tokens => tokens.Length);

    /// <summary>Tokenizes a question.</summary>
    /// <exception cref="TaskDataException">A choice has no token that can be scored.</exception>
    internal static TokenizedQuestion Of(ILanguageModel model, TaskQuestion question, TaskData data)
    {
        string[] texts = [.. question.Choices.Select(choice => TextOf(question.Text, choice, data.Kind))];
        int[][] choices = [.. texts.Select(text => model.Tokenize(text, addSpecial: true))];
        int shortest = choices.Min(tokens => tokens.Length);
        int prefix = choices[0].Length;
        foreach (int[] tokens in choices.AsSpan(1))
            prefix = Math.Min(prefix, tokens.AsSpan().CommonPrefixLength(choices[0]));
        prefix = Math.Clamp(prefix, 0, Math.Max(shortest - 1, 0));
        (int First, int End)[] scored = [.. choices.Select((tokens, index) =>
            data.Kind == TaskKind.Winogrande ? AfterBlank(model, question, index, choices, prefix) : (prefix, tokens.Length))];
        for (int i = 0; i < scored.Length; i++)
        {
            // Nothing predicts the first token of a text.
            scored[i].First = Math.Max(scored[i].First, 1);
            if (scored[i].First >= scored[i].End)
                throw new TaskDataException(data.Path, $"question {question.Index}", $"the choice '{Excerpt.Of(question.Choices[i])}' has no separate token to score.");
        }
        return new(choices, prefix, scored);
    }

    private static string TextOf(string question, string choice, TaskKind kind)
    {
        if (kind != TaskKind.Winogrande)
            return $"{question} {choice}";
        int blank = question.IndexOf(WinograndeCsv.Blank, StringComparison.Ordinal);
        return string.Concat(question.AsSpan(0, blank), choice, question.AsSpan(blank + 1));
    }

    // The sentence after the word in the blank, without its last token, which is mostly the full stop.
    private static (int First, int End) AfterBlank(ILanguageModel model, TaskQuestion question, int index, int[][] choices, int prefix)
    {
        int[] tokens = choices[index];
        int first = prefix;
        if (choices.All(choice => choice.Length - prefix > FewestTrailingTokens))
        {
            string start = question.Text[..question.Text.IndexOf(WinograndeCsv.Blank, StringComparison.Ordinal)] + question.Choices[index];
            int word = model.Tokenize(start, addSpecial: true).Length;
            // If the blank ends the sentence, only the word itself can be scored.
            first = word < tokens.Length ? Math.Max(word, prefix) : prefix;
        }
        return (first, tokens.Length - first > 1 ? tokens.Length - 1 : tokens.Length);
    }
}
