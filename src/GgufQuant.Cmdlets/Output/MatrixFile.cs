using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Imatrix;

namespace GgufQuant.Commands;

/// <summary>A written importance matrix.</summary>
public sealed class MatrixFile
{
    internal MatrixFile(string path, ImatrixData matrix, string? model = null, PerplexityResult? perplexity = null)
    {
        Path = path;
        Model = model;
        Size = new FileInfo(path).Length;
        Entries = matrix.Entries.Count;
        Chunks = matrix.ChunkCount;
        ChunkSize = matrix.ChunkSize;
        Datasets = new(matrix.Datasets);
        Perplexity = perplexity?.Perplexity.Value;
        Duration = perplexity?.Duration;
    }

    /// <summary>The full path.</summary>
    public string Path { get; }

    /// <summary>The full path of the model it was collected from; null for a merged or converted matrix.</summary>
    public string? Model { get; }

    /// <summary>Size in bytes.</summary>
    public long Size { get; }

    /// <summary>Number of weight tensors in it.</summary>
    public int Entries { get; }

    /// <summary>Chunks of text it was collected from.</summary>
    public int Chunks { get; }

    /// <summary>Tokens per chunk.</summary>
    public int ChunkSize { get; }

    /// <summary>The texts it was collected from.</summary>
    public ValueList<string> Datasets { get; }

    /// <summary>The model's perplexity over the text; null for a merged or converted matrix.</summary>
    public double? Perplexity { get; }

    /// <summary>Time taken to collect it; null for a merged or converted matrix.</summary>
    public TimeSpan? Duration { get; }

    /// <summary>The file's path, so that the object can be passed as a path.</summary>
    public override string ToString() => Path;
}
