using GgufQuant.Evaluation.Engines;

namespace GgufQuant.FaultyEngine;

/// <summary>An engine without models: files are taken by their names only. See <see cref="Fault"/>.</summary>
public sealed class FaultyEngine : IInferenceEngine
{
    private readonly Action<LlamaLogLevel, string>? _log;

    private FaultyEngine(Action<LlamaLogLevel, string>? log) => _log = log;

    public string Name => "faulty v1.2.3";

    public static FaultyEngine Start(string nativesFolder, Action<LlamaLogLevel, string>? log)
    {
        if (nativesFolder.Length == 0)
            throw new EngineMissingException("There is no folder of libraries.");
        return new(log);
    }

    public ILanguageModel Load(string path, ModelOptions options, CancellationToken cancellationToken)
    {
        _log?.Invoke(LlamaLogLevel.Information, $"process {Environment.ProcessId} loads {Path.GetFileName(path)}");
        Exception? thrown = Path.GetFileNameWithoutExtension(path) switch
        {
            "rejected" => new ModelLoadException(path, "It is rejected."),
            "unknown" => new UnknownArchitectureException(path, "It is of an unknown architecture."),
            "mute" => new MissingVocabularyException(path),
            "gone" => new FileNotFoundException("It is not there.", path),
            "locked" => new UnauthorizedAccessException("It is locked."),
            "broken" => new InvalidOperationException("The engine is broken."),
            _ => null,
        };
        if (thrown is not null)
            throw thrown;
        double share = 0;
        Fault.At("load", path, () => options.Progress?.Report(share += 0.01));
        options.Progress?.Report(1);
        return new FaultyModel(path);
    }
}
