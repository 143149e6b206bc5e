using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Imatrix;

namespace GgufQuant.Commands;

/// <summary>An importance matrix that has been written.</summary>
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

    /// <summary>The full path of the model it was collected from; null for a matrix made of others.</summary>
    public string? Model { get; }

    /// <summary>Bytes.</summary>
    public long Size { get; }

    /// <summary>Weight tensors it knows of.</summary>
    public int Entries { get; }

    /// <summary>Chunks of text it was collected from.</summary>
    public int Chunks { get; }

    /// <summary>Tokens of a chunk.</summary>
    public int ChunkSize { get; }

    /// <summary>The texts it was collected from.</summary>
    public ValueList<string> Datasets { get; }

    /// <summary>The model's perplexity over the text; null for a matrix made of others.</summary>
    public double? Perplexity { get; }

    /// <summary>Time the collection took; null for a matrix made of others.</summary>
    public TimeSpan? Duration { get; }

    /// <summary>The file's path, so that the object can stand where a path is asked for.</summary>
    public override string ToString() => Path;
}
