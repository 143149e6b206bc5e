using GgufQuant.Evaluation.Calibration;
using GgufQuant.Evaluation.Perplexity;

namespace GgufQuant.Commands;

/// <summary>A calibration that has been written.</summary>
public sealed class QuantCalibration
{
    internal QuantCalibration(string path, string model, string corpus, DiscoveredInputs discovered, CalibrationPasses passes, PerplexityResult perplexity)
    {
        Path = path;
        Model = model;
        Corpus = corpus;
        Size = new FileInfo(path).Length;
        Inputs = passes.Inputs.Count;
        Weights = passes.Inputs.Sum(input => input.Weights.Count);
        Width = passes.Inputs.Max(input => input.Width);
        IsWhole = passes.IsWhole;
        Passes = passes.Passes.Count;
        Chunks = discovered.Chunks;
        ChunkSize = discovered.ChunkSize;
        Perplexity = perplexity.Perplexity.Value;
        Duration = perplexity.Duration * Passes;
    }

    /// <summary>The full path.</summary>
    public string Path { get; }

    /// <summary>The full path of the model.</summary>
    public string Model { get; }

    /// <summary>The full path of the text.</summary>
    public string Corpus { get; }

    /// <summary>Bytes.</summary>
    public long Size { get; }

    /// <summary>Distinct inputs that it has moments of.</summary>
    public int Inputs { get; }

    /// <summary>Weight tensors that have these inputs.</summary>
    public int Weights { get; }

    /// <summary>Columns of the largest block of moments.</summary>
    public int Width { get; }

    /// <summary>Whether the moments of all inputs are whole, not cut to blocks.</summary>
    public bool IsWhole { get; }

    /// <summary>Passes over the text.</summary>
    public int Passes { get; }

    /// <summary>Chunks of text.</summary>
    public int Chunks { get; }

    /// <summary>Tokens of a chunk.</summary>
    public int ChunkSize { get; }

    /// <summary>The model's perplexity over the text.</summary>
    public double Perplexity { get; }

    /// <summary>Time that the passes took.</summary>
    public TimeSpan Duration { get; }

    /// <summary>The file's path, so that the object can stand where a path is asked for.</summary>
    public override string ToString() => Path;
}
