using GgufQuant.Formats;
using GgufQuant.Gguf;

namespace GgufQuant.Imatrix;

/// <summary>Reads importance matrices in GGUF: for each weight tensor a tensor of sums and one of counts.</summary>
internal static class GgufImatrixReader
{
    internal static ImatrixFile Read(string path, CancellationToken token)
    {
        using GgufFile file = GgufFile.Open(path, token);
        if (file.Metadata.Find(ImatrixKeys.Datasets)?.Value is not string[] datasets)
            throw NotImatrix(path, ImatrixKeys.Datasets);
        if (!file.Metadata.TryGetUInt64(ImatrixKeys.ChunkCount, out ulong chunkCount) || chunkCount > int.MaxValue)
            throw NotImatrix(path, ImatrixKeys.ChunkCount);
        if (!file.Metadata.TryGetUInt64(ImatrixKeys.ChunkSize, out ulong chunkSize) || chunkSize > int.MaxValue)
            throw NotImatrix(path, ImatrixKeys.ChunkSize);

        ImatrixPart? part = Part(file);

        List<ImatrixEntry> entries = [];
        foreach (GgufTensor sums in file.Tensors)
        {
            if (!sums.Name.EndsWith(ImatrixKeys.SumsSuffix, StringComparison.Ordinal))
                continue;
            string name = sums.Name[..^ImatrixKeys.SumsSuffix.Length];
            if (file.FindTensor(name + ImatrixKeys.CountsSuffix) is not { } counts)
                throw new ImatrixFormatException(path, $"tensor '{name}{ImatrixKeys.CountsSuffix}'", sums.FileOffset, $"it is missing, but '{sums.Name}' is present");
            entries.Add(Entry(file, name, sums, counts, part is not null));
        }
        return new ImatrixFile(path, isLegacy: false, entries, datasets, (int)chunkCount, (int)chunkSize, part);
    }

    private static ImatrixEntry Entry(GgufFile file, string name, GgufTensor sums, GgufTensor counts, bool isPart)
    {
        ValueRegion<float> sumRegion = Region<float>(file, name, sums, GgmlType.F32);
        ValueRegion<float> countRegion = Region<float>(file, name, counts, GgmlType.F32);
        if (sumRegion.Length == 0 || countRegion.Length == 0 || sumRegion.Length % countRegion.Length != 0)
            throw new ImatrixFormatException(file.Path, $"tensor '{sums.Name}'", sums.FileOffset, $"{sumRegion.Length} sums are not a multiple of {countRegion.Length} counts");
        return new ImatrixEntry(sumRegion, countRegion.Read(), isLegacy: false, isPart ? Precise(file, name, sums) : null);
    }

    // A part without the sums in full would merge to something else than the whole.
    private static ValueRegion<double> Precise(GgufFile file, string name, GgufTensor sums)
    {
        if (file.FindTensor(name + ImatrixKeys.PreciseSuffix) is not { } precise)
            throw new ImatrixFormatException(file.Path, $"tensor '{name}{ImatrixKeys.PreciseSuffix}'", sums.FileOffset, "it is missing, but the file says that it is a part of a matrix");
        if (precise.ElementCount != 2 * sums.ElementCount)
            throw new ImatrixFormatException(file.Path, $"tensor '{precise.Name}'", precise.FileOffset, $"it has {precise.ElementCount} values for {sums.ElementCount} sums, but must have two for each");
        return Region<double>(file, name, precise, GgmlType.F64);
    }

    private static ImatrixPart? Part(GgufFile file)
    {
        if (!file.Metadata.TryGetString(ImatrixKeys.PartText, out string? text))
            return null;
        if (!file.Metadata.TryGetString(ImatrixKeys.PartModel, out string? model))
            throw NotPart(file, ImatrixKeys.PartModel);
        ChunkRange chunks = new(Number(ImatrixKeys.PartFirst), Number(ImatrixKeys.PartCount), Number(ImatrixKeys.PartTotal));
        return chunks.IsValid ? new(text, model, chunks) : throw NotPart(file, ImatrixKeys.PartCount);

        int Number(string key) =>
            file.Metadata.TryGetUInt64(key, out ulong value) && value <= int.MaxValue ? (int)value : throw NotPart(file, key);
    }

    private static ValueRegion<T> Region<T>(GgufFile file, string name, GgufTensor tensor, GgmlType type)
        where T : unmanaged
    {
        if (tensor.Type != type || tensor.ByteCount > Array.MaxLength)
            throw new ImatrixFormatException(file.Path, $"tensor '{tensor.Name}'", tensor.FileOffset, $"{tensor.ElementCount} values of type {tensor.Format} were found, but importance must be {BlockFormat.Of(type)}");
        return new ValueRegion<T>(file.Shards[tensor.Shard].Path, name, tensor.FileOffset, (int)tensor.ElementCount, file.IsBigEndian);
    }

    private static ImatrixFormatException NotPart(GgufFile file, string key) =>
        new(file.Path, $"metadata '{key}'", file.Metadata.Find(key)?.FileOffset ?? 0, "it is missing or invalid, but the file says that it is a part of a matrix");

    private static ImatrixFormatException NotImatrix(string path, string key) =>
        new(path, $"metadata '{key}'", 0, "it is missing or has the wrong type, so this is not an importance matrix from llama-imatrix");
}
