using System.Management.Automation;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.LlamaCpp;

namespace GgufQuant.Commands;

/// <summary>llama.cpp as a cmdlet uses it: its libraries from the module's folder, its log to -Verbose and -Debug.</summary>
internal sealed class EngineSession : IDisposable
{
    private EngineSession(IInferenceEngine engine) => Engine = engine;

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
            command.ThrowTerminatingError(exception.ToErrorRecord(LlamaEngine.DefaultFolder));
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
            command.WriteError(exception.ToErrorRecord(LlamaEngine.DefaultFolder));
            return null;
        }
    }

    internal static ModelOptions ModelOptions(IProgress<WorkProgress> progress, string path) =>
        new() { Progress = new LoadStatus(progress, path) };

    public void Dispose() => LlamaEngine.Log = null;

    private static EngineSession Open(StoppableCommand command)
    {
        void Log(LlamaLogLevel level, string line) => command.Post(() => Write(command, level, line));
        LlamaEngine.Log = Log;
        try
        {
            return new(Find(command, "llamasharp", "GgufQuant.LLamaSharp.dll") is string packaged && File.Exists(packaged)
                ? PackagedEngine.Start(new("LLamaSharp", packaged, Path.GetDirectoryName(packaged)!), Log)
                : LlamaEngine.Start(FolderOf(command)));
        }
        catch
        {
            LlamaEngine.Log = null;
            throw;
        }
    }

    // The module's assemblies need not lie beside its manifest: the folder of the module does.
    private static string? Find(PSCmdlet command, params string[] parts) =>
        command.MyInvocation.MyCommand.Module?.ModuleBase is string module ? Path.Combine([module, "module", .. parts]) : null;

    private static string? FolderOf(PSCmdlet command) =>
        Find(command, "native", Path.GetFileName(LlamaEngine.DefaultFolder)) is string folder && Directory.Exists(folder) ? folder : null;

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
