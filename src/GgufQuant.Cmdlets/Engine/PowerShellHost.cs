using System.Management.Automation;
using System.Management.Automation.Language;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Hosting;

namespace GgufQuant.Commands;

/// <summary>The PowerShell process that runs models: a second instance of the one that runs the cmdlet.</summary>
internal static class PowerShellHost
{
    private static readonly Dictionary<string, string> s_environment = new()
    {
        ["POWERSHELL_TELEMETRY_OPTOUT"] = "1",
        ["POWERSHELL_UPDATECHECK"] = "Off",
        // When the library aborts, printing a stack trace with a debugger would take long.
        ["GGML_NO_BACKTRACE"] = "1",
    };

    /// <summary>How it is started: by the full path of the running program, never by one found on PATH.</summary>
    /// <exception cref="EngineMissingException">The running program is not PowerShell, and contains none.</exception>
    internal static HostCommand CommandFor(PSCmdlet cmdlet)
    {
        string home = (string)cmdlet.SessionState.PSVariable.GetValue("PSHOME");
        string script = $"$null = [Reflection.Assembly]::LoadFrom('{Quoted(typeof(EngineHost).Assembly.Location)}'); exit [{typeof(EngineHost).FullName}]::Run()";
        string[] arguments = ["-NoLogo", "-NoProfile", "-NonInteractive", "-Command", script];
        return Program(Environment.ProcessPath, home) is (string program, string[] first)
            ? new(program, [.. first, .. arguments]) { Environment = s_environment }
            : throw new EngineMissingException($"Models run in another PowerShell process, but '{Environment.ProcessPath}' is not PowerShell and there is none in '{home}'.");
    }

    private static (string Program, string[] Arguments)? Program(string? running, string home)
    {
        string assembly = Path.Combine(home, "pwsh.dll");
        string own = Path.Combine(home, OperatingSystem.IsWindows() ? "pwsh.exe" : "pwsh");
        return Path.GetFileNameWithoutExtension(running) switch
        {
            "pwsh" => (running!, []),
            "dotnet" when File.Exists(assembly) => (running!, [assembly]),
            // A program that hosts PowerShell.
            _ when File.Exists(own) => (own, []),
            _ => null,
        };
    }

    private static string Quoted(string text) => CodeGeneration.EscapeSingleQuotedStringContent(text);
}
