using System.Management.Automation;
using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Commands;

/// <summary>The engine as a cmdlet uses it: loaded from the module's folder, its log written to -Verbose and -Debug.</summary>
internal sealed class EngineSession : IDisposable
{
    private readonly EngineLocation _location;

    private EngineSession(EngineLocation location, IInferenceEngine engine)
    {
        _location = location;
        Engine = engine;
    }

    internal IInferenceEngine Engine { get; }

    /// <summary>Loads the engine; without it the cmdlet ends with an error that says what is missing.</summary>
    internal static EngineSession Start(StoppableCommand command)
    {
        try
        {
            return Open(command);
        }
        catch (InferenceException exception)
        {
            command.ThrowTerminatingError(exception.ToErrorRecord(EngineFolder.Of(command)));
            throw;
        }
    }

    /// <summary>Loads the engine; without it the cmdlet goes on with what needs none.</summary>
    internal static EngineSession? TryStart(StoppableCommand command)
    {
        try
        {
            return Open(command);
        }
        catch (InferenceException exception)
        {
            command.WriteError(exception.ToErrorRecord(EngineFolder.Of(command)));
            return null;
        }
    }

    internal static ModelOptions ModelOptions(IProgress<WorkProgress> progress, string path) =>
        new() { Progress = new LoadStatus(progress, path) };

    // The engine stays loaded in this process; its log must not reach a cmdlet that has ended.
    public void Dispose() => PackagedEngine.Start(_location);

    private static EngineSession Open(StoppableCommand command)
    {
        InstalledEngine engine = EngineCatalog.Choose(EngineCatalog.Find(EngineFolder.Of(command)), name: null);
        return new(engine.Location, PackagedEngine.Start(engine.Location, (level, line) => command.Post(() => Write(command, level, line))));
    }

    private static void Write(Cmdlet command, LlamaLogLevel level, string line)
    {
        if (level >= LlamaLogLevel.Warning)
            command.WriteVerbose(line);
        else
            command.WriteDebug(line);
    }

    private sealed class LoadStatus(IProgress<WorkProgress> progress, string path) : IProgress<double>
    {
        public void Report(double value) =>
            progress.Report(new($"Loading {Formatting.FileName(path)}", value, Remaining: null));
    }
}
