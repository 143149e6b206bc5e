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

    /// <summary>Asks the library what memory it would take for a model on the processor, without allocating it.</summary>
    /// <exception cref="ModelLoadException">The model cannot be loaded.</exception>
    /// <exception cref="InferenceException">The library cannot report it, or cannot run the model like this.</exception>
    MeasuredMemory MeasureMemory(MeasuredRun run, CancellationToken cancellationToken) =>
        throw new InferenceException($"{Name} cannot report how much memory it would take.");
}
