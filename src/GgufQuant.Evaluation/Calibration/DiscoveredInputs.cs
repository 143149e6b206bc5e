using GgufQuant.Calibration;

namespace GgufQuant.Evaluation.Calibration;

/// <summary>The distinct inputs of a model's weights, and the text that their moments are to be collected over.</summary>
/// <param name="Inputs">The inputs in the order the model meets them, whole.</param>
/// <param name="Chunks">Chunks of text.</param>
/// <param name="ChunkSize">Tokens per chunk.</param>
/// <param name="ProbeTokens">The tokens of a few chunks, spread over the text.</param>
public sealed record DiscoveredInputs(IReadOnlyList<CalibratedInput> Inputs, int Chunks, int ChunkSize, int[] ProbeTokens)
{
    /// <summary>Seconds that the model took for a chunk.</summary>
    public double ChunkSeconds { get; init; }

    /// <summary>Products that moments were summed of per second.</summary>
    public double ProductsPerSecond { get; init; }
}
