using System.Management.Automation;
using GgufQuant.Llama;

namespace GgufQuant.Commands;

/// <summary>llama.cpp as a cmdlet uses it: its libraries from the module's folder, its log to -Verbose and -Debug.</summary>
internal sealed class EngineSession : IDisposable
{
    private EngineSession(IInferenceEngine engine) => Engine = engine;

    internal IInferenceEngine Engine { get; }

    /// <summary>Loads the engine; without it the cmdlet ends with an error that says what is missing.</summary>
    internal static EngineSession Start(StoppableCommand command)
    {
        LlamaEngine.Log = (level, line) => command.Post(() => Write(command, level, line));
        try
        {
            return new(LlamaEngine.Start(FolderOf(command)));
        }
        catch (InferenceException exception)
        {
            LlamaEngine.Log = null;
            command.ThrowTerminatingError(exception.ToErrorRecord(LlamaEngine.DefaultFolder));
            throw;
        }
    }

    internal static ModelOptions ModelOptions(IProgress<WorkProgress> progress, string path) =>
        new() { Progress = new LoadStatus(progress, path) };

    public void Dispose() => LlamaEngine.Log = null;

    // The module's assemblies need not lie beside its manifest: the folder of the module does.
    private static string? FolderOf(PSCmdlet command)
    {
        if (command.MyInvocation.MyCommand.Module?.ModuleBase is not string module)
            return null;
        string folder = Path.Combine(module, "module", "native", Path.GetFileName(LlamaEngine.DefaultFolder));
        return Directory.Exists(folder) ? folder : null;
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
