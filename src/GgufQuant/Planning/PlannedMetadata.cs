using System.Text;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;

namespace GgufQuant.Planning;

/// <summary>The metadata llama.cpp's quantizer writes: the source's in its order, with its own entries at the end.</summary>
internal static class PlannedMetadata
{
    private const string FileTypeKey = "general.file_type";
    private const string QuantizationVersionKey = "general.quantization_version";

    // ggml's GGML_QNT_VERSION.
    private const uint QuantizationVersion = 2;

    private static readonly string[] s_splitKeys = ["split.no", "split.count", "split.tensors.count"];

    internal static IEnumerable<GgufEntry> Of(GgufMetadata source, FileType type, QuantizationOptions options)
    {
        List<GgufEntry> added =
        [
            GgufEntry.Create(QuantizationVersionKey, QuantizationVersion),
            GgufEntry.Create(FileTypeKey, (uint)type),
            .. Of(options.ImportanceMatrix),
        ];
        HashSet<string> replaced = [.. s_splitKeys, .. added.Select(entry => entry.Key)];
        return source.Where(entry => !replaced.Contains(entry.Key)).Concat(added);
    }

    private static IEnumerable<GgufEntry> Of(ImportanceMatrix? matrix)
    {
        if (matrix is not { Entries.Count: > 0 })
            yield break;
        yield return GgufEntry.Create("quantize.imatrix.file", Shortened(matrix.Path));
        if (matrix.Datasets.Count > 0)
            yield return GgufEntry.Create("quantize.imatrix.dataset", Shortened(matrix.Datasets[0]));
        yield return GgufEntry.Create("quantize.imatrix.entries_count", (uint)matrix.Entries.Count);
        if (matrix.ChunkCount > 0)
            yield return GgufEntry.Create("quantize.imatrix.chunks_count", (uint)matrix.ChunkCount);
    }

    // llama-quantize passes these strings in fields of 128 bytes.
    private static string Shortened(string text)
    {
        const int MaxBytes = 127;
        int length = text.Length;
        while (Encoding.UTF8.GetByteCount(text.AsSpan(0, length)) > MaxBytes || (length > 0 && char.IsHighSurrogate(text[length - 1])))
            length--;
        return text[..length];
    }
}
