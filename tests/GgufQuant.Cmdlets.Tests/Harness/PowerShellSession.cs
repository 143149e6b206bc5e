using System.Diagnostics;
using System.Management.Automation;
using System.Management.Automation.Runspaces;

namespace GgufQuant.Cmdlets.Tests;

/// <summary>The real engine with the module imported, in a runspace of its own.</summary>
internal sealed class PowerShellSession : IDisposable
{
    private readonly RecordingHost _host;
    private readonly Runspace _runspace;
    private readonly TestFolder _folder = new();

    private PowerShellSession(int width)
    {
        _host = new(width);
        InitialSessionState state = InitialSessionState.CreateDefault2();
        state.ImportPSModule([Path.Combine(RepositoryPaths.Root, "GgufQuant.psd1")]);
        _runspace = RunspaceFactory.CreateRunspace(_host, state);
        _runspace.Open();
        _runspace.SessionStateProxy.Path.SetLocation(_folder.Path);
        _runspace.SessionStateProxy.SetVariable("sample", RepositoryPaths.SampleModel);
        Invoke<object>("$PSStyle.OutputRendering = 'PlainText'");
    }

    /// <summary>A session in an empty folder, with <c>$sample</c> naming the sample model.</summary>
    internal static PowerShellSession Start(int width = 120) => new(width);

    /// <summary>The session's current folder.</summary>
    internal TestFolder Folder => _folder;

    /// <summary>The errors of the last command that did not end it.</summary>
    internal IReadOnlyList<ErrorRecord> Errors { get; private set; } = [];

    internal IReadOnlyList<string> Warnings { get; private set; } = [];

    /// <summary>What the last command asked, and what it showed of its progress.</summary>
    internal RecordingHost Host => _host;

    internal Runspace Runspace => _runspace;

    /// <summary>Runs a script and returns what it wrote, which must all be of one type.</summary>
    internal IReadOnlyList<T> Invoke<T>(string script)
    {
        using PowerShell shell = PowerShell.Create(_runspace);
        shell.AddScript(script);
        IReadOnlyList<PSObject> output = [.. shell.Invoke()];
        Errors = [.. shell.Streams.Error];
        Warnings = [.. shell.Streams.Warning.Select(warning => warning.Message)];
        return [.. output.Select(item => Assert.IsAssignableFrom<T>(item?.BaseObject))];
    }

    /// <summary>Runs a script that must write one object and no error.</summary>
    internal T InvokeOne<T>(string script)
    {
        IReadOnlyList<T> output = Invoke<T>(script);
        Assert.Empty(Errors);
        return Assert.Single(output);
    }

    /// <summary>Runs a script that must write one error that does not end it.</summary>
    internal ErrorRecord InvokeForError(string script)
    {
        Invoke<object>(script);
        return Assert.Single(Errors);
    }

    /// <summary>The full help of a cmdlet.</summary>
    internal PSObject Help(string command)
    {
        using PowerShell shell = PowerShell.Create(_runspace);
        return Assert.Single(shell.AddCommand("Get-Help").AddParameter("Name", command).AddParameter("Full").Invoke());
    }

    /// <summary>What a console shows of a script's output.</summary>
    internal string Render(string script)
    {
        _host.Clear();
        using PowerShell shell = PowerShell.Create(_runspace);
        shell.AddScript(script).AddCommand("Out-Default");
        shell.Invoke();
        Errors = [.. shell.Streams.Error];
        return string.Join('\n', _host.Text.Split('\n').Select(line => line.TrimEnd())).Trim('\n');
    }

    /// <summary>Stops a script some time after it started, and says how long it took to end.</summary>
    internal TimeSpan Stop(string script, Func<bool> when)
    {
        using PowerShell shell = PowerShell.Create(_runspace);
        shell.AddScript(script);
        IAsyncResult run = shell.BeginInvoke();
        Assert.True(SpinWait.SpinUntil(when, TimeSpan.FromSeconds(20)), "The moment to stop at never came.");
        Assert.False(run.IsCompleted, "The script had ended already.");
        Stopwatch watch = Stopwatch.StartNew();
        shell.Stop();
        Assert.Throws<PipelineStoppedException>(() => shell.EndInvoke(run));
        return watch.Elapsed;
    }

    /// <summary>What Tab offers at the end of a line, with the tooltips.</summary>
    internal IReadOnlyList<CompletionResult> Complete(string line)
    {
        using PowerShell shell = PowerShell.Create(_runspace);
        return CommandCompletion.CompleteInput(line, line.Length, null, shell).CompletionMatches;
    }

    public void Dispose()
    {
        _runspace.Dispose();
        _folder.Dispose();
    }
}
