namespace GgufQuant.Commands;

/// <summary>The formats of a report.</summary>
public enum ReportFormat
{
    /// <summary>One self-contained page.</summary>
    Html,

    /// <summary>Text for a model card or an issue.</summary>
    Markdown,

    /// <summary>The README.md of a repository on the Hugging Face hub.</summary>
    ModelCard,
}
