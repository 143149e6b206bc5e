namespace GgufQuant.Evaluation.Engines;

/// <summary>A library that can run GGUF models.</summary>
public interface IInferenceEngine
{
    /// <summary>Name and version, for messages and reports.</summary>
    string Name { get; }

    /// <summary>Loads a model; for a split model, give the first file.</summary>
    /// <exception cref="UnknownArchitectureException">The engine does not know the model's architecture.</exception>
    /// <exception cref="MissingVocabularyException">The file has no tokenizer.</exception>
    /// <exception cref="ModelLoadException">The model cannot be loaded for any other reason.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ILanguageModel Load(string path, ModelOptions options, CancellationToken cancellationToken);
}
