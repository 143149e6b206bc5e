using System.Text.RegularExpressions;

namespace GgufQuant.Evaluation.Engines;

/// <summary>Why llama.cpp could not load or run a model, derived from its log.</summary>
internal static partial class LoadFailure
{
    /// <summary>The exception to throw.</summary>
    /// <param name="path">The model's file.</param>
    /// <param name="engine">The engine, for the message.</param>
    /// <param name="complaints">The errors it logged, in order.</param>
    public static ModelLoadException Of(string path, string engine, IReadOnlyList<string> complaints)
    {
        string reason = Reason(complaints);
        if (reason.Contains("unknown model architecture", StringComparison.Ordinal))
            return new UnknownArchitectureException(path, $"{engine} does not know the architecture of '{path}': {reason}.");
        if (reason.Contains("tokenizer.ggml.model", StringComparison.Ordinal))
            return new MissingVocabularyException(path);
        return new ModelLoadException(path, $"{engine} cannot load '{path}': {reason}.");
    }

    /// <summary>The exception to throw if a context cannot be created for a loaded model.</summary>
    /// <param name="path">The model's file.</param>
    /// <param name="engine">The engine, for the message.</param>
    /// <param name="contextLength">Tokens the context should hold.</param>
    /// <param name="complaints">The errors it logged, in order.</param>
    public static InferenceException OfContext(string path, string engine, int contextLength, IReadOnlyList<string> complaints) =>
        new($"{engine} cannot create a context of {contextLength} tokens for '{path}': {Reason(complaints)}.");

    // The innermost function logs first, as "function: reason".
    private static string Reason(IReadOnlyList<string> complaints) =>
        complaints.Count > 0 ? FunctionPrefix().Replace(complaints[0], "").TrimEnd('.') : "it gave no reason";

    [GeneratedRegex(@"^\w+: ")]
    private static partial Regex FunctionPrefix();
}
