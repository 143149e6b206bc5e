using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Reference.Evaluation;

/// <summary>llama.cpp v0.5.0 through its prebuilt libraries: what the product's engine is compared with.</summary>
public sealed class LlamaEngine : IInferenceEngine
{
    private LlamaEngine(string folder) => Folder = folder;

    /// <summary>Receives llama.cpp's log, line by line, on any thread; null to drop it.</summary>
    public static Action<LlamaLogLevel, string>? Log
    {
        get => LlamaLog.Receiver;
        set => LlamaLog.Receiver = value;
    }

    /// <inheritdoc/>
    public string Name => "llama.cpp v0.5.0";

    /// <summary>The folder of the libraries.</summary>
    public string Folder { get; }

    /// <summary>Loads the libraries; a process can hold those of one folder only, and a second call with it is free.</summary>
    /// <param name="folder">The folder of the libraries.</param>
    /// <exception cref="EngineMissingException">The folder lacks them, or they do not load here.</exception>
    /// <exception cref="EngineVersionException">They are of another version.</exception>
    public static LlamaEngine Start(string folder)
    {
        LlamaLibrary.Load(folder);
        return new(folder);
    }

    /// <inheritdoc/>
    public ILanguageModel Load(string path, ModelOptions options, CancellationToken cancellationToken) =>
        LlamaModel.Load(path, options, cancellationToken);
}
