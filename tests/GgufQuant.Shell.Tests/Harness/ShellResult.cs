namespace GgufQuant.Shell.Tests;

/// <summary>How a run of the Shell ended, and what it wrote.</summary>
internal sealed record ShellResult(int ExitCode, string Output, string Error)
{
    internal IReadOnlyList<string> Lines => Output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
}
