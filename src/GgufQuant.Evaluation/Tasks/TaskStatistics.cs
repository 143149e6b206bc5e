namespace GgufQuant.Evaluation.Tasks;

/// <summary>The statistical uncertainty of counts of correct answers.</summary>
internal static class TaskStatistics
{
    // The normal distribution's quantile at 97.5%.
    private const double Z = 1.959963984540054;

    /// <summary>Wilson's 95% confidence interval of a proportion, as llama-perplexity prints it for HellaSwag.</summary>
    internal static (double Low, double High) WilsonInterval(int correct, int count)
    {
        double share = (double)correct / count;
        double z = Z * Z / count;
        double center = share + (z / 2);
        double half = Z * Math.Sqrt(((share * (1 - share)) + (z / 4)) / count);
        return (Math.Max(0, (center - half) / (1 + z)), Math.Min(1, (center + half) / (1 + z)));
    }

    /// <summary>The exact McNemar test: the probability of at least this imbalance if losing and gaining an answer are equally likely.</summary>
    internal static double McNemar(int lost, int gained)
    {
        int changed = lost + gained;
        double logTerm = -changed * Math.Log(2);
        double tail = Math.Exp(logTerm);
        for (int i = 1; i <= Math.Min(lost, gained); i++)
        {
            logTerm += Math.Log((changed - i + 1) / (double)i);
            tail += Math.Exp(logTerm);
        }
        return Math.Min(1, 2 * tail);
    }
}
