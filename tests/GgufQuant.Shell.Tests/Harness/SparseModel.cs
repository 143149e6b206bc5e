using GgufQuant.Formats;
using GgufQuant.Gguf;

namespace GgufQuant.Shell.Tests;

/// <summary>Models that are large and take no room on the disk.</summary>
internal static class SparseModel
{
    /// <summary>Writes a model of one F16 matrix of zeros, which the file does not store.</summary>
    internal static void Write(string path, long rowLength, long rows)
    {
        GgufWriter writer = new(
            [
                GgufEntry.Create("general.architecture", "llama"),
                GgufEntry.Create("llama.block_count", 1u),
            ],
            [new GgufTensorInfo("blk.0.ffn_up.weight", GgmlType.F16, [rowLength, rows])]);
        using FileStream file = File.Create(path);
        writer.WriteHeader(file);
        file.SetLength(writer.Length);
    }
}
