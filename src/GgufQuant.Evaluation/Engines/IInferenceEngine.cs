namespace GgufQuant.Evaluation.Engines;

/// <summary>A program that can run a GGUF model.</summary>
public interface IInferenceEngine
{
    /// <summary>Name and version, for messages and reports.</summary>
    string Name { get; }

    /// <summary>Loads a model; of a split model, the first file.</summary>
    /// <exception cref="UnknownArchitectureException">The engine does not know the model's architecture.</exception>
    /// <exception cref="MissingVocabularyException">The file holds no tokenizer.</exception>
    /// <exception cref="ModelLoadException">Anything else kept the model from loading.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    ILanguageModel Load(string path, ModelOptions options, CancellationToken cancellationToken);
}
