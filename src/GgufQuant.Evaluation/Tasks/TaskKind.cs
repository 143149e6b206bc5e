namespace GgufQuant.Evaluation.Tasks;

/// <summary>How the choices of a question are scored.</summary>
public enum TaskKind
{
    /// <summary>Which of four endings continues a text: the one whose tokens are the most probable on average.</summary>
    HellaSwag,

    /// <summary>Which of two words fills a blank: the one after which the rest of the sentence is more probable.</summary>
    Winogrande,

    /// <summary>Which choice answers a question: the one whose tokens are the most probable on average.</summary>
    MultipleChoice,
}
