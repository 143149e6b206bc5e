using System.Management.Automation;
using GgufQuant.Checks;

namespace GgufQuant.Commands;

/// <summary>Tells whether a file is whole and sound.</summary>
[Cmdlet(VerbsDiagnostic.Test, "Gguf", DefaultParameterSetName = PathSet)]
[OutputType(typeof(bool), typeof(CheckFinding))]
public sealed class TestGgufCommand : PathCommand
{
    /// <summary>Lists what was found instead of true or false.</summary>
    [Parameter(HelpMessage = "List what was found instead of answering true or false.")]
    public SwitchParameter Detailed { get; set; }

    /// <inheritdoc/>
    protected override void ProcessFile(string path)
    {
        try
        {
            IReadOnlyList<GgufFinding> findings = RunInBackground(
                $"Checking {Formatting.FileName(path)}",
                (progress, token) => GgufCheck.Run(path, threads: 0, progress, token));
            Report([.. findings.Select(finding => new CheckFinding(path, finding))]);
        }
        catch (Exception exception) when (ModelErrors.IsAboutModel(exception))
        {
            WriteError(exception.ToErrorRecord(path));
        }
    }

    private void Report(CheckFinding[] findings)
    {
        if (Detailed)
        {
            WriteObject(findings, enumerateCollection: true);
            return;
        }
        foreach (CheckFinding finding in findings)
            WriteVerbose(finding.ToString());
        WriteObject(!findings.Any(finding => finding.Severity == FindingSeverity.Error));
    }
}
