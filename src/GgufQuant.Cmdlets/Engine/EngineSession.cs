using System.Management.Automation;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Hosting;

namespace GgufQuant.Commands;

/// <summary>The engine for one cmdlet: in a separate process, which the next cmdlet reuses; its log goes to -Verbose and -Debug.</summary>
internal sealed class EngineSession : IDisposable
{
    private static readonly RemoteEnginePool s_pool = new();

    private readonly StoppableCommand _command;
    private readonly string _folder;

    /// <summary>Finds the engine, which starts on first use.</summary>
    /// <exception cref="InferenceException">There is no such engine.</exception>
    internal EngineSession(StoppableCommand command, string? name, int timeoutSeconds)
    {
        _command = command;
        _folder = EngineFolder.Of(command);
        InstalledEngine engine = EngineCatalog.Choose(EngineCatalog.Find(_folder), name);
        Engine = s_pool.Rent(PowerShellHost.CommandFor(command), engine.GetLocation());
        Engine.Silence = TimeSpan.FromSeconds(timeoutSeconds);
        Engine.Log = (level, line) => command.Post(() => Write(command, level, line));
    }

    /// <summary>The engine, to be called on another thread than the pipeline's.</summary>
    internal RemoteEngine Engine { get; }

    /// <summary>The engine's name and version, once it is started.</summary>
    internal string Name { get; private set; } = "";

    /// <summary>Ends the idle processes that wait for the next cmdlet.</summary>
    internal static void EndWaiting() => s_pool.Clear();

    /// <summary>Waits until the engine is started; if it cannot be, the cmdlet ends with an error that says what is missing.</summary>
    internal void WaitUntilStarted()
    {
        if (TryWaitUntilStarted() is { } error)
            _command.ThrowTerminatingError(error);
    }

    /// <summary>Waits until the engine is started.</summary>
    /// <returns>Why it did not start; null if it did.</returns>
    internal ErrorRecord? TryWaitUntilStarted()
    {
        try
        {
            Name = _command.RunInBackground("Starting the engine", (_, token) => Engine.Start(token));
            return null;
        }
        catch (InferenceException exception)
        {
            return exception.ToErrorRecord(_folder);
        }
    }

    public void Dispose() => s_pool.Return(Engine);

    private static void Write(Cmdlet command, LlamaLogLevel level, string line)
    {
        if (level >= LlamaLogLevel.Warning)
            command.WriteVerbose(line);
        else
            command.WriteDebug(line);
    }
}
