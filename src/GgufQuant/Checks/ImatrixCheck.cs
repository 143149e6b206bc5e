using System.Globalization;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;

namespace GgufQuant.Checks;

/// <summary>Checks an importance matrix.</summary>
/// <remarks>llama.cpp's <c>common_imatrix_load</c>, and llama-quantize's use of it.</remarks>
internal static class ImatrixCheck
{
    private static readonly string[] s_suffixes = [ImatrixKeys.SumsSuffix, ImatrixKeys.CountsSuffix];

    /// <summary>Checks a matrix in GGUF.</summary>
    public static IEnumerable<GgufFinding> Run(GgufFile file, GgufMetadata metadata)
    {
        List<GgufFinding> findings = [.. CheckKeys(metadata), .. file.Tensors.Where(tensor => !IsPrecise(tensor, metadata)).SelectMany(tensor => Check(file, tensor))];
        if (file.Tensors.Count == 0)
            findings.Add(Error(GgufKeys.Kind, "It has no entries, and llama.cpp does not load such a matrix."));
        return findings.Exists(finding => finding.Severity == FindingSeverity.Error) ? findings : findings.Concat(CheckValues(file.Path, CancellationToken.None));
    }

    /// <summary>Checks a file that is not GGUF but may be a matrix in the older format, which has no magic number.</summary>
    /// <param name="path">The file.</param>
    /// <param name="otherwise">Why it is not GGUF.</param>
    /// <param name="token">Cancels the operation.</param>
    public static IEnumerable<GgufFinding> RunLegacy(string path, GgufFormatException otherwise, CancellationToken token)
    {
        GgufFinding[] findings = [.. CheckValues(path, token)];
        if (!Array.Exists(findings, finding => finding.Severity == FindingSeverity.Error))
            return [new(FindingSeverity.Information, path, "The file is an importance matrix in the older format."), .. findings];
        return path.EndsWith(".dat", StringComparison.OrdinalIgnoreCase) ? findings : [Error(otherwise.Field, otherwise.Message)];
    }

    private static IEnumerable<GgufFinding> CheckKeys(GgufMetadata metadata)
    {
        if (metadata.Find(ImatrixKeys.Datasets) is not { } datasets)
            yield return Missing(ImatrixKeys.Datasets);
        else if (datasets.ElementType != GgufValueType.String)
            yield return new(FindingSeverity.Warning, ImatrixKeys.Datasets, $"It is not an array of {GgufValueType.String}, so the names of the texts are unknown.");
        foreach (string key in (string[])[ImatrixKeys.ChunkCount, ImatrixKeys.ChunkSize])
        {
            if (metadata.Find(key) is not { } entry)
                yield return Missing(key);
            else if (entry.Type != GgufValueType.UInt32)
                yield return Error(key, $"It is of type {entry.Type}, but llama.cpp takes only {GgufValueType.UInt32}.");
        }
    }

    // A part is meant to have what llama.cpp ignores.
    private static bool IsPrecise(GgufTensor tensor, GgufMetadata metadata) =>
        metadata.Find(ImatrixKeys.PartText) is not null && tensor.Name.EndsWith(ImatrixKeys.PreciseSuffix, StringComparison.Ordinal);

    private static IEnumerable<GgufFinding> Check(GgufFile file, GgufTensor tensor)
    {
        if (s_suffixes.FirstOrDefault(suffix => tensor.Name.EndsWith(suffix, StringComparison.Ordinal)) is not { } suffix)
        {
            yield return new(FindingSeverity.Warning, tensor.Name, $"llama.cpp ignores it, as its name ends in neither '{ImatrixKeys.SumsSuffix}' nor '{ImatrixKeys.CountsSuffix}'.");
            yield break;
        }
        string counterpart = tensor.Name[..^suffix.Length] + (suffix == ImatrixKeys.SumsSuffix ? ImatrixKeys.CountsSuffix : ImatrixKeys.SumsSuffix);
        if (tensor.Type != GgmlType.F32)
            yield return Error(tensor.Name, $"It is {tensor.Format}, but llama.cpp takes only f32.");
        if (file.FindTensor(counterpart) is not { } other)
            yield return Error(tensor.Name, $"It belongs to a tensor '{counterpart}', which is missing.");
        else if (suffix == ImatrixKeys.SumsSuffix && (tensor.ElementCount == 0 || other.ElementCount == 0 || tensor.ElementCount % other.ElementCount != 0))
            yield return Error(tensor.Name, $"Its {tensor.ElementCount} sums are not a multiple of the {other.ElementCount} counts in '{counterpart}'.");
    }

    private static IEnumerable<GgufFinding> CheckValues(string path, CancellationToken token)
    {
        ImatrixFile? matrix = null;
        GgufFinding? error = null;
        try
        {
            matrix = ImatrixFile.Open(path, token);
        }
        catch (ImatrixFormatException exception)
        {
            error = Error(exception.Field, exception.Message);
        }
        if (error is not null)
            yield return error;
        foreach (ImatrixEntry entry in matrix?.Entries.Where(entry => entry.ErasedColumns > 0) ?? [])
            yield return new(FindingSeverity.Warning, entry.Name, string.Create(CultureInfo.InvariantCulture, $"{entry.ErasedColumns} of its {entry.Columns} columns have no importance in whole groups of 32, so their weights would be lost."));
    }

    private static GgufFinding Missing(string key) => Error(key, "The key is missing, and llama.cpp does not load a matrix without it.");

    private static GgufFinding Error(string subject, string message) => new(FindingSeverity.Error, subject, message);
}
