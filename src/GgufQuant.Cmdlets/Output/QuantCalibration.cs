using GgufQuant.Evaluation.Calibration;
using GgufQuant.Evaluation.Perplexity;

namespace GgufQuant.Commands;

/// <summary>A written calibration.</summary>
public sealed class QuantCalibration
{
    internal QuantCalibration(string path, string model, string corpus, DiscoveredInputs discovered, CalibrationPasses passes, PerplexityResult perplexity)
    {
        Path = path;
        Model = model;
        Corpus = corpus;
        Size = new FileInfo(path).Length;
        Inputs = passes.Inputs.Count;
        Tensors = passes.Inputs.Sum(input => input.Weights.Count);
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

    /// <summary>Size in bytes.</summary>
    public long Size { get; }

    /// <summary>Number of distinct inputs whose moments it holds.</summary>
    public int Inputs { get; }

    /// <summary>Number of weight tensors that these inputs are multiplied with.</summary>
    public int Tensors { get; }

    /// <summary>Columns in the largest block of moments.</summary>
    public int Width { get; }

    /// <summary>Whether every input has one block of moments.</summary>
    public bool IsWhole { get; }

    /// <summary>Passes over the text.</summary>
    public int Passes { get; }

    /// <summary>Chunks of text.</summary>
    public int Chunks { get; }

    /// <summary>Tokens per chunk.</summary>
    public int ChunkSize { get; }

    /// <summary>The model's perplexity over the text.</summary>
    public double Perplexity { get; }

    /// <summary>Time taken by all passes.</summary>
    public TimeSpan Duration { get; }

    /// <summary>The file's path, so that the object can be passed as a path.</summary>
    public override string ToString() => Path;
}
