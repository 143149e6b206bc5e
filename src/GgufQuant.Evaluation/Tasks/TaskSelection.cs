namespace GgufQuant.Evaluation.Tasks;

/// <summary>Draws some of a file's questions: with seed 1, those that llama-perplexity draws for the same number.</summary>
internal static class TaskSelection
{
    /// <summary>The drawn questions, in the order of the file.</summary>
    internal static IReadOnlyList<TaskQuestion> Draw(IReadOnlyList<TaskQuestion> questions, TaskKind kind, int count, int seed)
    {
        if (count >= questions.Count)
            return questions;
        MersenneTwister random = new((uint)seed);
        int[] drawn = kind == TaskKind.HellaSwag ? DrawEndings(random, questions.Count, count) : DrawOthers(random, questions.Count, count);
        return [.. drawn.Order().Select(index => questions[index])];
    }

    // hellaswag_score; the distribution is that of libstdc++ since GCC 11, because the standard does not define it.
    private static int[] DrawEndings(MersenneTwister random, int total, int count)
    {
        List<int> left = [.. Enumerable.Range(0, total)];
        int[] drawn = new int[count];
        for (int i = 0; i < count; i++)
        {
            int index = (int)NextBelow(random, (uint)left.Count);
            drawn[i] = left[index];
            left.RemoveAt(index);
        }
        return drawn;
    }

    // winogrande_score and multiple_choice_score, in single precision as in llama-perplexity.
    private static int[] DrawOthers(MersenneTwister random, int total, int count)
    {
        List<int> left = [.. Enumerable.Range(0, total)];
        int[] drawn = new int[count];
        for (int i = 0; i < count; i++)
        {
            float share = (float)random.Next() * (1f / 4294967296f);
            // The largest numbers round up to 1, for which llama-perplexity reads beyond the end.
            int index = Math.Min((int)(share * left.Count), left.Count - 1);
            drawn[i] = left[index];
            left[index] = left[^1];
            left.RemoveAt(left.Count - 1);
        }
        return drawn;
    }

    // D. Lemire, "Fast random integer generation in an interval", ACM Transactions on Modeling and Computer Simulation 29 (2019).
    private static uint NextBelow(MersenneTwister random, uint range)
    {
        ulong product = (ulong)random.Next() * range;
        if ((uint)product < range)
        {
            uint threshold = (0 - range) % range;
            while ((uint)product < threshold)
                product = (ulong)random.Next() * range;
        }
        return (uint)(product >> 32);
    }
}
