using GgufQuant.Evaluation.Imatrix;
using GgufQuant.Imatrix;

namespace GgufQuant.Commands;

/// <summary>Importance matrices as files.</summary>
internal static class MatrixFiles
{
    /// <summary>Tokens of a chunk where the file does not say: llama-imatrix's default.</summary>
    internal const int DefaultChunkSize = 512;

    /// <summary>The extensions by which <c>-Destination</c> is a file and not a folder.</summary>
    internal static string[] Extensions { get; } = [".gguf", ".dat"];

    internal static CollectedImatrix Read(string path, int? chunkSize = null)
    {
        ImatrixFile matrix = ImatrixFile.Open(path);
        return CollectedImatrix.From(matrix, matrix.ChunkSize ?? chunkSize ?? DefaultChunkSize);
    }

    internal static ImatrixFormat ToFormat(this ImatrixFormatName name) =>
        name == ImatrixFormatName.Dat ? ImatrixFormat.Legacy : ImatrixFormat.Gguf;

    /// <summary>The format that a file's name asks for.</summary>
    internal static ImatrixFormatName FormatOf(string path) =>
        Path.GetExtension(path).Equals(".dat", StringComparison.OrdinalIgnoreCase) ? ImatrixFormatName.Dat : ImatrixFormatName.Gguf;
}
