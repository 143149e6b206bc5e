using GgufQuant.Checks;
using GgufQuant.IO;

namespace GgufQuant.Commands;

/// <summary>One noteworthy fact about a file.</summary>
public sealed class CheckFinding
{
    internal CheckFinding(string path, GgufFinding finding)
    {
        Path = path;
        Severity = finding.Severity;
        Subject = PrintableText.Escape(finding.Subject);
        Message = PrintableText.Escape(finding.Message);
    }

    /// <summary>The full path of the file.</summary>
    public string Path { get; }

    /// <summary>How much it matters.</summary>
    public FindingSeverity Severity { get; }

    /// <summary>The tensor, metadata key or file concerned.</summary>
    public string Subject { get; }

    /// <summary>What was found.</summary>
    public string Message { get; }

    /// <summary>The finding as a sentence.</summary>
    public override string ToString() => $"{Severity}: {Subject}: {Message}";
}
