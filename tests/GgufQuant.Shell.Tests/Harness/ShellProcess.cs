using System.Diagnostics;
using System.Runtime.InteropServices;

namespace GgufQuant.Shell.Tests;

/// <summary>The Shell as a process of its own, as a user starts it.</summary>
internal sealed partial class ShellProcess : IDisposable
{
    // For a hang only: llama.cpp's threads wait for each other in loops, which on busy cores takes many times as long.
    private static readonly TimeSpan s_limit = TimeSpan.FromMinutes(15);

    private readonly Process _process;
    private readonly OutputCollector _output;
    private readonly OutputCollector _error;

    private ShellProcess(ProcessStartInfo start)
    {
        start.RedirectStandardInput = start.RedirectStandardOutput = start.RedirectStandardError = true;
        _process = Process.Start(start)!;
        _output = new(_process.StandardOutput);
        _error = new(_process.StandardError);
    }

    /// <summary>Runs the Shell to its end.</summary>
    internal static ShellResult Run(params string[] arguments) => RunIn(Repository.Root, "", arguments);

    /// <summary>Runs the Shell to its end in a folder, with text to read.</summary>
    internal static ShellResult RunIn(string folder, string input, params string[] arguments)
    {
        using ShellProcess shell = new(StartInfo("dotnet", folder, [Repository.Shell, .. arguments]));
        return shell.Finish(input);
    }

    /// <summary>Runs the Shell to its end with a variable of the environment set.</summary>
    internal static ShellResult RunWith(string variable, string value, params string[] arguments)
    {
        ProcessStartInfo start = StartInfo("dotnet", Repository.Root, [Repository.Shell, .. arguments]);
        start.Environment[variable] = value;
        using ShellProcess shell = new(start);
        return shell.Finish("");
    }

    /// <summary>Runs the Shell to its end on a pseudo-terminal of 100 columns; what it drew is the output.</summary>
    internal static ShellResult RunOnTerminal(string environment, params string[] arguments)
    {
        using ShellProcess shell = new(TerminalStartInfo(environment, arguments));
        return shell.Finish("");
    }

    /// <summary>Types at the Shell's prompt on a pseudo-terminal of 100 columns; the last keys must leave it.</summary>
    internal static ShellResult TypeOnTerminal(string text, string keys)
    {
        using ShellProcess shell = new(TerminalStartInfo("", []));
        // Until it draws what is typed, control characters are the terminal's own to act on.
        shell.WaitForOutput("> ");
        shell._process.StandardInput.Write(text);
        shell._process.StandardInput.Flush();
        shell.WaitForOutput(text);
        return shell.Finish(keys);
    }

    /// <summary>Starts the Shell and leaves it running.</summary>
    /// <remarks>A test runner started in the background may ignore Ctrl+C, and its children would: 'env' puts that right.</remarks>
    internal static ShellProcess Start(params string[] arguments) =>
        new(StartInfo("env", Repository.Root, ["--default-signal=INT,TERM", "dotnet", Repository.Shell, .. arguments]));

    /// <summary>Sends a signal and waits for the end.</summary>
    /// <returns>The result, and how long the end took to come.</returns>
    internal (ShellResult Result, TimeSpan Elapsed) Signal(int number)
    {
        Stopwatch watch = Stopwatch.StartNew();
        Assert.Equal(0, Kill(_process.Id, number));
        Assert.True(_process.WaitForExit(s_limit), "The Shell did not end.");
        TimeSpan elapsed = watch.Elapsed;
        return (new ShellResult(_process.ExitCode, _output.WholeText, _error.WholeText), elapsed);
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill(entireProcessTree: true);
        _process.Dispose();
    }

    private ShellResult Finish(string input)
    {
        _process.StandardInput.Write(input);
        _process.StandardInput.Close();
        Assert.True(_process.WaitForExit(s_limit), "The Shell did not end.");
        return new ShellResult(_process.ExitCode, _output.WholeText, _error.WholeText);
    }

    private void WaitForOutput(string text) =>
        Assert.True(SpinWait.SpinUntil(() => _output.Text.Contains(text, StringComparison.Ordinal), s_limit), $"'{text}' was not shown.");

    private static ProcessStartInfo TerminalStartInfo(string environment, IEnumerable<string> arguments)
    {
        string command = string.Join(' ', arguments.Prepend(Repository.Shell).Select(text => $"'{text.Replace("'", "'\\''", StringComparison.Ordinal)}'"));
        return StartInfo("script", Repository.Root, ["-qec", $"stty cols 100 rows 30; {environment} TERM=xterm-256color dotnet {command}", "/dev/null"]);
    }

    private static ProcessStartInfo StartInfo(string program, string folder, IEnumerable<string> arguments)
    {
        ProcessStartInfo start = new(program, arguments) { WorkingDirectory = folder };
        start.Environment.Remove("NO_COLOR");
        return start;
    }

    [LibraryImport("libc", EntryPoint = "kill")]
    private static partial int Kill(int process, int signal);
}
