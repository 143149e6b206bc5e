using GgufQuant.Checks;

namespace GgufQuant.Commands;

/// <summary>What was found about a file.</summary>
public sealed class GgufTest
{
    internal GgufTest(string path, CheckFinding[] findings)
    {
        Path = path;
        Errors = findings.Count(finding => finding.Severity == FindingSeverity.Error);
        Warnings = findings.Count(finding => finding.Severity == FindingSeverity.Warning);
        Findings = new(findings, "\n");
    }

    /// <summary>The full path of the file.</summary>
    public string Path { get; }

    /// <summary>Whether the file is complete and valid: there may be warnings, but no errors.</summary>
    public bool IsSound => Errors == 0;

    /// <summary>Number of errors.</summary>
    public int Errors { get; }

    /// <summary>Number of warnings.</summary>
    public int Warnings { get; }

    /// <summary>Everything found, errors, warnings and information.</summary>
    public ValueList<CheckFinding> Findings { get; }

    /// <summary>The file's path, so that the object can be passed as a path.</summary>
    public override string ToString() => Path;
}
