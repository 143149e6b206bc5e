namespace GgufQuant.Evaluation.Engines;

/// <summary>The engine failed while running a model, or its output cannot be used.</summary>
public class InferenceException(string message, Exception? inner = null) : Exception(message, inner);

/// <summary>The engine's libraries are missing or cannot be loaded here.</summary>
public sealed class EngineMissingException(string message, Exception? inner = null) : InferenceException(message, inner);

/// <summary>The engine's libraries are not the version these bindings were written for.</summary>
public sealed class EngineVersionException(string message, Exception? inner = null) : InferenceException(message, inner);

/// <summary>The engine could not load a model.</summary>
public class ModelLoadException(string path, string message) : InferenceException(message)
{
    /// <summary>The model's file.</summary>
    public string Path { get; } = path;
}

/// <summary>The engine does not know a model's architecture.</summary>
public sealed class UnknownArchitectureException(string path, string message) : ModelLoadException(path, message);

/// <summary>A model's file has no vocabulary, so no text can be evaluated with it.</summary>
public sealed class MissingVocabularyException(string path)
    : ModelLoadException(path, $"'{path}' has no vocabulary, so no text can be evaluated with it.");

/// <summary>The engine process ended or hung while running a model: the file makes the library abort, crash or hang, or memory ran out.</summary>
/// <param name="path">The model's file.</param>
/// <param name="message">What happened, and the library's last output.</param>
/// <param name="wasSilent">Whether the process was killed because it gave no sign of life.</param>
public sealed class EngineStoppedException(string path, string message, bool wasSilent) : InferenceException(message)
{
    /// <summary>The model's file.</summary>
    public string Path { get; } = path;

    /// <summary>Whether the process was killed because it gave no sign of life; a longer timeout might have helped.</summary>
    public bool WasSilent { get; } = wasSilent;
}

/// <summary>Two models to be compared have different vocabularies.</summary>
public sealed class VocabularyMismatchException : InferenceException
{
    /// <summary>Describes how they differ.</summary>
    public VocabularyMismatchException(string path, Vocabulary vocabulary, string referencePath, Vocabulary referenceVocabulary)
        : this($"The vocabulary of '{path}' differs from that of the reference '{referencePath}' ({Difference(vocabulary, referenceVocabulary)}), so their predictions cannot be compared token by token.")
    {
    }

    internal VocabularyMismatchException(string message)
        : base(message)
    {
    }

    private static string Difference(Vocabulary vocabulary, Vocabulary reference) => vocabulary.Count == reference.Count
        ? $"both have {vocabulary.Count} tokens, but they differ"
        : $"{vocabulary.Count} tokens instead of {reference.Count}";
}

/// <summary>A text has too few tokens.</summary>
public sealed class CorpusTooShortException : InferenceException
{
    /// <summary>States the number of tokens needed.</summary>
    public CorpusTooShortException(int tokens, int required, int contextLength)
        : this($"The text has {tokens} tokens, but a context of {contextLength} needs at least {required}: give a longer text or a smaller context length.", tokens, required)
    {
    }

    internal CorpusTooShortException(string message, int tokens, int required)
        : base(message)
    {
        Tokens = tokens;
        Required = required;
    }

    /// <summary>Number of tokens in the text.</summary>
    public int Tokens { get; }

    /// <summary>Number of tokens needed.</summary>
    public int Required { get; }
}
