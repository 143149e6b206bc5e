namespace GgufQuant.Evaluation.Generation;

/// <summary>Measures of repetition in a generated text.</summary>
/// <param name="DistinctTrigrams">Distinct runs of three tokens as a share of all, 0 to 1: near 1 in normal text.</param>
/// <param name="LoopLength">Length of the run of tokens that the end of the text repeats; 0 if it does not.</param>
/// <param name="LoopCount">How many times in a row that run occurs at the end.</param>
public sealed record Repetition(double DistinctTrigrams, int LoopLength, int LoopCount)
{
    private const int FewestRepetitions = 3;
    private const int FewestTokens = 16;

    /// <summary>Whether the text ends in a loop: the same tokens at least three times in a row, 16 or more tokens in total.</summary>
    public bool IsLooping => LoopCount > 0;

    /// <summary>Analyzes the tokens of a text.</summary>
    public static Repetition Of(ReadOnlySpan<int> tokens)
    {
        HashSet<(int, int, int)> trigrams = [];
        for (int i = 0; i < tokens.Length - 2; i++)
            trigrams.Add((tokens[i], tokens[i + 1], tokens[i + 2]));
        double distinct = tokens.Length > 2 ? trigrams.Count / (double)(tokens.Length - 2) : 1;

        for (int length = 1; length <= tokens.Length / FewestRepetitions; length++)
        {
            ReadOnlySpan<int> run = tokens[^length..];
            int count = 1;
            while (tokens.Length >= (count + 1) * length && tokens.Slice(tokens.Length - ((count + 1) * length), length).SequenceEqual(run))
                count++;
            if (count >= FewestRepetitions && count * length >= FewestTokens)
                return new(distinct, length, count);
        }
        return new(distinct, 0, 0);
    }
}
