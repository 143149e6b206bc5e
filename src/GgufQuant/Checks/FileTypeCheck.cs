using GgufQuant.Catalog;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Checks;

/// <summary>Checks that the metadata's claims about types agree with the tensors.</summary>
internal static class FileTypeCheck
{
    private const ulong CurrentQuantizationVersion = 2;

    public static IEnumerable<GgufFinding> Run(GgufFile file)
    {
        GgufTensor[] matrices = [.. file.Tensors.Where(tensor => tensor.RowCount > 1)];
        if (file.Metadata.TryGetUInt64(GgufKeys.FileType, out ulong number))
        {
            if (!GuessedFileType.TryRead(number, out FileType type, out _))
                yield return new GgufFinding(FindingSeverity.Warning, GgufKeys.FileType, $"{number} is not a file type.");
            else if (matrices.Length > 0 && QuantCatalog.Of(type).Format is var format && !matrices.Any(tensor => tensor.Format == format))
                yield return new GgufFinding(FindingSeverity.Warning, GgufKeys.FileType, $"The file says it is {type}, but no matrix is {format}; they are {Types(matrices)}.");
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
