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
        Findings = findings;
    }

    /// <summary>The full path of the file.</summary>
    public string Path { get; }

    /// <summary>Whether the file is whole and sound: there may be warnings, but no errors.</summary>
    public bool IsSound => Errors == 0;

    /// <summary>How many errors there are.</summary>
    public int Errors { get; }

    /// <summary>How many warnings there are.</summary>
    public int Warnings { get; }

    /// <summary>Everything found, errors, warnings and information.</summary>
    public CheckFinding[] Findings { get; }

    /// <summary>The file's path, so that the object can stand where a path is asked for.</summary>
    public override string ToString() => Path;
}
