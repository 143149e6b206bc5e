using System.Management.Automation;
using GgufQuant.Checks;

namespace GgufQuant.Commands;

/// <summary>Tests whether a file is complete and valid.</summary>
[Cmdlet(VerbsDiagnostic.Test, "Gguf", DefaultParameterSetName = PathSet)]
[OutputType(typeof(bool), typeof(GgufTest))]
public sealed class TestGgufCommand : PathCommand
{
    /// <summary>Returns what was found about each file instead of true or false.</summary>
    [Parameter(HelpMessage = "Return what was found about each file instead of true or false.")]
    public SwitchParameter Detailed { get; set; }

    /// <summary>Reads no data.</summary>
    [Parameter(HelpMessage = "Check headers and lengths only, without reading the data.")]
    public SwitchParameter HeaderOnly { get; set; }

    /// <inheritdoc/>
    protected override void ProcessFile(string path)
    {
        IReadOnlyList<GgufFinding> findings = RunInBackground(
            $"Checking {Formatting.FileName(path)}",
            (progress, token) => HeaderOnly ? GgufCheck.RunOnHeaders(path, token) : GgufCheck.Run(path, threads: 0, progress, token));
        Report(new(path, [.. findings.Select(finding => new CheckFinding(path, finding))]));
    }

    private void Report(GgufTest test)
    {
        if (Detailed)
        {
            WriteObject(test);
            return;
        }
        foreach (CheckFinding finding in test.Findings)
            WriteVerbose(finding.ToString());
        WriteObject(test.IsSound);
    }
}
