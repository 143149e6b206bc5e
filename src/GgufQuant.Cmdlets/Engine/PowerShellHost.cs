using System.Management.Automation;
using System.Management.Automation.Language;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Hosting;

namespace GgufQuant.Commands;

/// <summary>The PowerShell that models are run in: the one that runs the cmdlet, started once more.</summary>
internal static class PowerShellHost
{
    private static readonly Dictionary<string, string> s_environment = new()
    {
        ["POWERSHELL_TELEMETRY_OPTOUT"] = "1",
        ["POWERSHELL_UPDATECHECK"] = "Off",
        // Where the library aborts, a debugger that prints the stack would take its time.
        ["GGML_NO_BACKTRACE"] = "1",
    };

    /// <summary>How it is started: by the full path of the running program, never by one found on PATH.</summary>
    /// <exception cref="EngineMissingException">The running program is not PowerShell, and brings none along.</exception>
    internal static HostCommand CommandFor(PSCmdlet cmdlet)
    {
        string home = (string)cmdlet.SessionState.PSVariable.GetValue("PSHOME");
        string script = $"$null = [Reflection.Assembly]::LoadFrom('{Quoted(typeof(EngineHost).Assembly.Location)}'); exit [{typeof(EngineHost).FullName}]::Run()";
        string[] arguments = ["-NoLogo", "-NoProfile", "-NonInteractive", "-Command", script];
        return Program(Environment.ProcessPath, home) is (string program, string[] first)
            ? new(program, [.. first, .. arguments]) { Environment = s_environment }
            : throw new EngineMissingException($"Models are run in another PowerShell process, but '{Environment.ProcessPath}' is not PowerShell and there is none in '{home}'.");
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
