using GgufQuant.Gguf;

namespace GgufQuant.Planning;

/// <summary>The metadata llama.cpp's quantizer writes: the source's in its order, with its own entries at the end.</summary>
internal static class PlannedMetadata
{
    private const string FileTypeKey = "general.file_type";
    private const string QuantizationVersionKey = "general.quantization_version";

    // ggml's GGML_QNT_VERSION.
    private const uint QuantizationVersion = 2;

    private static readonly string[] s_splitKeys = ["split.no", "split.count", "split.tensors.count"];

    internal static IEnumerable<GgufEntry> Of(GgufMetadata source, FileType type) =>
    [
        .. source.Where(entry => entry.Key is not (FileTypeKey or QuantizationVersionKey) && !s_splitKeys.Contains(entry.Key)),
        GgufEntry.Create(QuantizationVersionKey, QuantizationVersion),
        GgufEntry.Create(FileTypeKey, (uint)type),
    ];
}
