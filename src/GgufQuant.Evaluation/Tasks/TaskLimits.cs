namespace GgufQuant.Evaluation.Tasks;

/// <summary>The limits of a file of questions.</summary>
internal static class TaskLimits
{
    /// <summary>Bytes of a file: ten times those of MMLU and HellaSwag together.</summary>
    internal const int FileBytes = 256 << 20;

    /// <summary>Questions in a file.</summary>
    internal const int Questions = 200_000;

    /// <summary>Choices of a question, as in llama-perplexity.</summary>
    internal const int Choices = 100;

    /// <summary>Bytes of a question, and of a choice.</summary>
    internal const int TextBytes = 1 << 20;
}
