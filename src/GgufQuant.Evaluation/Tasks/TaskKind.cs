namespace GgufQuant.Evaluation.Tasks;

/// <summary>How the choices of a question are scored.</summary>
public enum TaskKind
{
    /// <summary>Which of four endings continues a text, by the mean log probability of its tokens.</summary>
    HellaSwag,

    /// <summary>Which of two words fills a blank, by the probability of the rest of the sentence.</summary>
    Winogrande,

    /// <summary>Which choice answers a question, by the mean log probability of its tokens.</summary>
    MultipleChoice,
}
