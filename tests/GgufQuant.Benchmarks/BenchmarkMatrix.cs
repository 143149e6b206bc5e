using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.Planning;
using GgufQuant.Reference;
using GgufQuant.TestKit;

namespace GgufQuant.Benchmarks;

/// <summary>A generated importance matrix of a model, for our quantizer and for the reference's.</summary>
/// <param name="Options">Our options.</param>
/// <param name="ReferenceOptions">Those of the reference, with the keys that llama-quantize adds.</param>
internal sealed record BenchmarkMatrix(QuantizationOptions Options, ReferenceQuantizerOptions ReferenceOptions)
{
    /// <summary>Whether a type is quantized with a matrix: those that need one.</summary>
    public static bool IsUsedBy(FileType type) => type is FileType.IQ2_XS;

    /// <summary>Writes the matrix beside a model, the same one every time.</summary>
    public static BenchmarkMatrix Write(string model)
    {
        string path = Path.ChangeExtension(model, ".imatrix.gguf");
        using GgufFile file = GgufFile.Open(model);
        TestImatrix matrix = TestImatrix.For(file);
        matrix.WriteGguf(path);
        return new(
            new() { Imatrix = ImatrixFile.Open(path) },
            new()
            {
                ImportanceMatrix = matrix.Means(),
                Overrides =
                [
                    ("quantize.imatrix.file", path), ("quantize.imatrix.dataset", "first.txt"),
                    ("quantize.imatrix.entries_count", (long)matrix.Entries.Count), ("quantize.imatrix.chunks_count", 2000L),
                ],
            });
    }
}
