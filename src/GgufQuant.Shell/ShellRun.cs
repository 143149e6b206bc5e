using System.Management.Automation;

namespace GgufQuant.Shell;

/// <summary>One life of the Shell: a session with the module imported, and the script, command or prompt in it.</summary>
internal static class ShellRun
{
    /// <summary>Runs what the command line asks for and returns the process's exit code.</summary>
    public static int Start(ShellArguments arguments)
    {
        using ShellTerminal terminal = new();
        using ShellSession session = new(terminal);
        using StopSignals signals = new(session.Stop);
        try
        {
            session.ImportModule(arguments.Module ?? ModuleManifest.Find());
        }
        catch (Exception e) when (e is RuntimeException or IOException)
        {
            terminal.Error.WriteLine($"The module could not be imported. {e.Message}");
            return ExitCodes.StartFailed;
        }

        if (arguments is { Script: null, Command: null })
            return new InteractivePrompt(session, terminal).Run();
        if (Text(arguments) is not { } text)
        {
            terminal.WriteErrorLine($"The script '{arguments.Script}' does not exist.");
            return ExitCodes.BadArguments;
        }

        int exitCode = session.RunCommand(text);
        return signals.Received is { } signal ? ExitCodes.Signal(signal) : exitCode;
    }

    /// <summary>The text to run; null where the script does not exist.</summary>
    private static string? Text(ShellArguments arguments)
    {
        if (arguments.Script is null)
            return arguments.Command;
        string path = Path.GetFullPath(arguments.Script);
        return File.Exists(path) ? arguments.CallOfScript(path) : null;
    }
}
