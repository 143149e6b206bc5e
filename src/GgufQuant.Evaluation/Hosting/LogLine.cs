using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Evaluation.Hosting;

/// <summary>A line of the engine's log.</summary>
/// <param name="Level">Its level.</param>
/// <param name="Text">The line.</param>
internal sealed record LogLine(LlamaLogLevel Level, string Text);
