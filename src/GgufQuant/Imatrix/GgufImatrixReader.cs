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

        List<ImatrixEntry> entries = [];
        foreach (GgufTensor sums in file.Tensors)
        {
            if (!sums.Name.EndsWith(ImatrixKeys.SumsSuffix, StringComparison.Ordinal))
                continue;
            string name = sums.Name[..^ImatrixKeys.SumsSuffix.Length];
            if (file.FindTensor(name + ImatrixKeys.CountsSuffix) is not { } counts)
                throw new ImatrixFormatException(path, $"tensor '{name}{ImatrixKeys.CountsSuffix}'", sums.FileOffset, $"it is missing, but '{sums.Name}' is present");
            entries.Add(Entry(file, name, sums, counts));
        }
        return new ImatrixFile(path, isLegacy: false, entries, datasets, (int)chunkCount, (int)chunkSize);
    }

    private static ImatrixEntry Entry(GgufFile file, string name, GgufTensor sums, GgufTensor counts)
    {
        FloatRegion sumRegion = Region(file, name, sums);
        FloatRegion countRegion = Region(file, name, counts);
        if (sumRegion.Length == 0 || countRegion.Length == 0 || sumRegion.Length % countRegion.Length != 0)
            throw new ImatrixFormatException(file.Path, $"tensor '{sums.Name}'", sums.FileOffset, $"{sumRegion.Length} sums are not a multiple of {countRegion.Length} counts");
        return new ImatrixEntry(sumRegion, countRegion.Read(), isLegacy: false);
    }

    private static FloatRegion Region(GgufFile file, string name, GgufTensor tensor)
    {
        if (tensor.Type != GgmlType.F32 || tensor.ByteCount > Array.MaxLength)
            throw new ImatrixFormatException(file.Path, $"tensor '{tensor.Name}'", tensor.FileOffset, $"{tensor.ElementCount} values of type {tensor.Format} were found, but importance must be f32");
        return new FloatRegion(file.Shards[tensor.Shard].Path, name, tensor.FileOffset, (int)tensor.ElementCount, file.IsBigEndian);
    }

    private static ImatrixFormatException NotImatrix(string path, string key) =>
        new(path, $"metadata '{key}'", 0, "it is missing or has the wrong type, so this is not an importance matrix from llama-imatrix");
}
