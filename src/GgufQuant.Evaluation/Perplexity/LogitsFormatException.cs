using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Evaluation.Perplexity;

/// <summary>A logits file is damaged, or belongs to another text or model.</summary>
public sealed class LogitsFormatException(string message) : InferenceException(message);
