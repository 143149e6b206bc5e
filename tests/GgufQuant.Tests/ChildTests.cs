using System.Diagnostics;
using System.Text.RegularExpressions;

namespace GgufQuant.Tests;

/// <summary>Tests of this assembly run again in a child process, which differs by its environment.</summary>
internal static class ChildTests
{
    /// <summary>Asserts that some tests run and that all of them pass.</summary>
    /// <param name="environment">Variables to set; null removes one.</param>
    /// <param name="arguments">The runner's own, which choose the tests.</param>
    /// <param name="skippable">Part of the names of tests that may be skipped; null if none may.</param>
    public static async Task AssertPassAsync(IReadOnlyDictionary<string, string?> environment, string[] arguments, string? skippable = null)
    {
        (int exitCode, string output) = await StartAsync(environment, arguments);
        Assert.True(exitCode == 0, output);
        string[] skipped = [.. Regex.Matches(output, @"^ +(\S.*) \[SKIP\]", RegexOptions.Multiline).Select(match => match.Groups[1].Value)];
        Assert.All(skipped, name => Assert.True(skippable is not null && name.Contains(skippable, StringComparison.Ordinal), $"{name} was skipped.\n{output}"));
        Match summary = Regex.Match(output, $@"Total: (\d+), Errors: 0, Failed: 0, Skipped: {skipped.Length}");
        Assert.True(summary.Success && int.Parse(summary.Groups[1].Value) > skipped.Length, output);
    }

    /// <summary>Runs some tests that may end their process.</summary>
    /// <returns>Whether they all ran and passed.</returns>
    public static async Task<bool> RunAsync(IReadOnlyDictionary<string, string?> environment, string[] arguments) =>
        await StartAsync(environment, arguments) is { ExitCode: 0 } result && result.Output.Contains("Errors: 0, Failed: 0, Skipped: 0", StringComparison.Ordinal);

    private static async Task<(int ExitCode, string Output)> StartAsync(IReadOnlyDictionary<string, string?> environment, string[] arguments)
    {
        ProcessStartInfo start = new("dotnet", ["exec", typeof(ChildTests).Assembly.Location, "-noLogo", "-noColor", .. arguments]) { RedirectStandardOutput = true };
        foreach ((string name, string? value) in environment)
            start.Environment[name] = value;
        using Process child = Process.Start(start)!;
        string output = await child.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await child.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (child.ExitCode, output);
    }
}
