using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Planning;

namespace GgufQuant.Comparison;

/// <summary>Looks whether the metadata's claims about types agree with the tensors.</summary>
internal static class FileTypeCheck
{
    // llama.cpp sets this bit where the type was guessed and not stored.
    private const ulong Guessed = 1024;

    private const ulong CurrentQuantizationVersion = 2;

    public static IEnumerable<GgufFinding> Run(GgufFile file)
    {
        GgufTensor[] matrices = [.. file.Tensors.Where(tensor => tensor.RowCount > 1)];
        if (file.Metadata.TryGetUInt64(GgufKeys.FileType, out ulong number))
        {
            FileType type = (FileType)(number & ~Guessed);
            if (number > int.MaxValue || !Enum.IsDefined(type))
                yield return new GgufFinding(FindingSeverity.Warning, GgufKeys.FileType, $"There is no file type {number}.");
            else if (matrices.Length > 0 && !matrices.Any(tensor => tensor.Type == MixTable.RowOf(type).Default))
                yield return new GgufFinding(FindingSeverity.Warning, GgufKeys.FileType, $"The file says it is {type}, but no matrix is {BlockFormat.Of(MixTable.RowOf(type).Default)}; they are {Types(matrices)}.");
        }

        if (!matrices.Any(tensor => tensor.Format.IsQuantized))
            yield break;
        if (!file.Metadata.TryGetUInt64(GgufKeys.QuantizationVersion, out ulong version))
            yield return new GgufFinding(FindingSeverity.Warning, GgufKeys.QuantizationVersion, "The key is missing, though tensors are quantized.");
        else if (version != CurrentQuantizationVersion)
            yield return new GgufFinding(FindingSeverity.Warning, GgufKeys.QuantizationVersion, $"The blocks are of version {version}, but llama.cpp reads version {CurrentQuantizationVersion}.");
    }

    private static string Types(GgufTensor[] tensors) =>
        string.Join(", ", tensors.Select(tensor => tensor.Format.Name).Distinct().Order(StringComparer.Ordinal));
}
