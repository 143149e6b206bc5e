using System.Management.Automation;
using System.Management.Automation.Runspaces;

namespace GgufQuant.Shell;

/// <summary>A runspace with the module imported, and the ways to run something in it.</summary>
internal sealed class ShellSession : IDisposable
{
    private readonly ShellTerminal _terminal;
    private readonly GgufHost _host;
    private readonly Runspace _runspace;
    private readonly Lock _gate = new();
    private PowerShell? _running;

    public ShellSession(ShellTerminal terminal)
    {
        _terminal = terminal;
        _host = new GgufHost(terminal);
        InitialSessionState state = InitialSessionState.CreateDefault2();
        if (OperatingSystem.IsWindows())
            state.ExecutionPolicy = Microsoft.PowerShell.ExecutionPolicy.RemoteSigned;
        if (Environment.GetEnvironmentVariable("NO_COLOR") is { Length: > 0 })
            PSStyle.Instance.OutputRendering = OutputRendering.PlainText;
        _runspace = RunspaceFactory.CreateRunspace(_host, state);
        _runspace.ThreadOptions = PSThreadOptions.ReuseThread;
        _runspace.Open();
    }

    /// <summary>The code of the last <c>exit</c>; null while none has run.</summary>
    public int? ExitCode => _host.ExitCode;

    public Version EngineVersion => PSVersionInfo.PSVersion;

    /// <exception cref="RuntimeException">The module does not load.</exception>
    public void ImportModule(string manifest)
    {
        using PowerShell shell = PowerShell.Create(_runspace);
        shell.AddCommand("Import-Module").AddParameter("Name", Path.GetFullPath(manifest)).AddParameter("ErrorAction", ActionPreference.Stop);
        shell.Invoke();
    }

    /// <summary>Runs text and returns the process's exit code.</summary>
    public int RunCommand(string text) => ExitCodeOf(Run(shell => shell.AddScript(text, useLocalScope: false)));

    /// <summary>Runs a statement typed at the prompt.</summary>
    public void RunInteractive(string statement) => Run(shell => shell.AddScript(statement, useLocalScope: false));

    /// <summary>What the session's <c>prompt</c> function says.</summary>
    public string Prompt()
    {
        using PowerShell shell = PowerShell.Create(_runspace);
        return shell.AddCommand("prompt").Invoke<string>() is [{ } prompt, ..] ? prompt : "> ";
    }

    public CommandCompletion Complete(string text, int cursor)
    {
        using PowerShell shell = PowerShell.Create(_runspace);
        return CommandCompletion.CompleteInput(text, cursor, options: null, shell);
    }

    /// <summary>Starts to stop what runs; false when nothing runs or it is stopping already.</summary>
    public bool Stop()
    {
        lock (_gate)
        {
            if (_running is not { InvocationStateInfo.State: PSInvocationState.Running } shell)
                return false;
            shell.BeginStop(callback: null, state: null);
            return true;
        }
    }

    public void Dispose() => _runspace.Dispose();

    private int ExitCodeOf(bool completed)
    {
        if (_host.ExitCode is { } exitCode)
            return exitCode;
        if (completed && Evaluate("$?") is true)
            return ExitCodes.Success;
        return completed && Evaluate("$LASTEXITCODE") is int and not 0 and var code ? code : ExitCodes.Error;
    }

    private object? Evaluate(string expression)
    {
        using PowerShell shell = PowerShell.Create(_runspace);
        return shell.AddScript(expression, useLocalScope: false).Invoke() is [{ } value, ..] ? value.BaseObject : null;
    }

    /// <summary>Runs one pipeline into Out-Default; false when it ended in a terminating error or was stopped.</summary>
    private bool Run(Action<PowerShell> addCommands)
    {
        using PowerShell shell = PowerShell.Create(_runspace);
        addCommands(shell);
        // Errors take the same way as output, so that both show in the order they were written.
        shell.Commands.Commands[0].MergeMyResults(PipelineResultTypes.Error, PipelineResultTypes.Output);
        shell.AddCommand("Out-Default");
        lock (_gate)
            _running = shell;
        try
        {
            shell.Invoke(input: null, new PSInvocationSettings { Host = _host, AddToHistory = true });
            return true;
        }
        catch (PipelineStoppedException)
        {
            return false;
        }
        catch (RuntimeException e)
        {
            ShowError(new ErrorRecord(e.ErrorRecord, e));
            return false;
        }
        finally
        {
            lock (_gate)
                _running = null;
            _terminal.ClearProgress();
        }
    }

    private void ShowError(ErrorRecord error)
    {
        using PowerShell shell = PowerShell.Create(_runspace);
        _terminal.OutputIsError = true;
        shell.AddCommand("Out-Default").Invoke(new[] { error });
        _terminal.OutputIsError = false;
    }
}
