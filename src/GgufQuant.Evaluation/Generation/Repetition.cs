namespace GgufQuant.Evaluation.Generation;

/// <summary>Signs that a generated text repeats itself.</summary>
/// <param name="DistinctTrigrams">Distinct runs of three tokens of all of them, 0 to 1: near 1 in normal text.</param>
/// <param name="LoopLength">Tokens of the run that the text ends in repeating; 0 if it does not.</param>
/// <param name="LoopCount">How often that run stands at the end in a row.</param>
public sealed record Repetition(double DistinctTrigrams, int LoopLength, int LoopCount)
{
    private const int FewestRepetitions = 3;
    private const int FewestTokens = 16;

    /// <summary>Whether the text ends in a loop: the same tokens at least three times in a row, 16 tokens or more in all.</summary>
    public bool IsLooping => LoopCount > 0;

    /// <summary>Looks at the tokens of a text.</summary>
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
