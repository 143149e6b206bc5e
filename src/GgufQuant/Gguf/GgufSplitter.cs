using GgufQuant.IO;

namespace GgufQuant.Gguf;

/// <summary>Splits a model into several files and merges them back into one.</summary>
/// <remarks>
/// Shards hold what llama-gguf-split's hold: all metadata in the first, tensors in the model's order, and the three
/// <c>split.*</c> keys in each. Files appear under their names only once all are complete.
/// </remarks>
public static class GgufSplitter
{
    /// <summary>The tensors of each shard, without writing anything.</summary>
    /// <exception cref="ArgumentException">A limit is not positive, or there would be more than 65535 shards.</exception>
    public static IReadOnlyList<IReadOnlyList<GgufTensor>> Plan(GgufFile source, GgufSplitOptions options)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(options);
        return Plan(source.Tensors, tensor => tensor.ByteCount, options);
    }

    /// <summary>The tensors of each shard, given the bytes that each tensor takes.</summary>
    internal static IReadOnlyList<IReadOnlyList<T>> Plan<T>(IReadOnlyList<T> tensors, Func<T, long> byteCount, GgufSplitOptions options)
    {
        if (options.MaxTensors <= 0 || options.MaxBytes <= 0)
            throw new ArgumentException("A shard must allow at least one tensor and one byte.", nameof(options));

        List<List<T>> shards = options.MetadataAlone ? [[], []] : [[]];
        long bytes = 0;
        for (int i = 0; i < tensors.Count; i++)
        {
            // llama-gguf-split counts every tensor as padded to 32, whatever the alignment.
            long padded = GgufAlignment.Align(byteCount(tensors[i]), GgufAlignment.Default);
            bool isFull = options.MaxBytes is { } limit ? bytes + padded > limit : i % options.MaxTensors == 0;
            if (isFull && shards[^1].Count > 0)
            {
                shards.Add([]);
                bytes = 0;
            }
            shards[^1].Add(tensors[i]);
            bytes += padded;
        }
        if (shards.Count > ushort.MaxValue)
            throw new ArgumentException($"The model would be split into {shards.Count} files, but the limit is {ushort.MaxValue}: allow larger shards.");
        return shards;
    }

    /// <summary>Writes a model as shards.</summary>
    /// <param name="source">The model, in one file or several.</param>
    /// <param name="prefix">The path of the shards up to <c>-00001-of-00003.gguf</c>.</param>
    /// <param name="options">How to split.</param>
    /// <param name="progress">Receives progress.</param>
    /// <param name="token">Cancels the operation; nothing is left behind.</param>
    /// <returns>The paths of the shards.</returns>
    /// <exception cref="ArgumentException">A limit is not positive, or there would be more than 65535 shards.</exception>
    /// <exception cref="IOException">A file exists already, or cannot be read or written.</exception>
    /// <exception cref="GgufFormatException">The source has changed since it was opened.</exception>
    /// <exception cref="OperationCanceledException">The operation was cancelled.</exception>
    public static IReadOnlyList<string> Split(
        GgufFile source, string prefix, GgufSplitOptions options,
        IProgress<WorkProgress>? progress = null, CancellationToken token = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(prefix);
        IReadOnlyList<IReadOnlyList<GgufTensor>> shards = Plan(source, options);
        string fullPrefix = Path.GetFullPath(prefix);
        string[] paths = [.. Enumerable.Range(0, shards.Count).Select(number => ShardNames.PathOf(fullPrefix, number, shards.Count))];
        GgufWriter[] layouts = [.. shards.Select((tensors, number) => Layout(source, tensors, number, shards.Count))];
        DiskSpace.Check(paths[0], layouts.Sum(layout => layout.Length));
        GgufCopy copy = new(source, progress, token);
        List<AtomicFile> files = [];
        try
        {
            foreach ((string path, GgufWriter layout) in paths.Zip(layouts))
                files.Add(copy.Write(path, layout, options.Overwrite));
            source.ThrowIfChanged();
            AtomicFile.CommitAll(files, token);
            return paths;
        }
        finally
        {
            files.ForEach(file => file.Dispose());
        }
    }

    /// <summary>Writes a model as one file, without the <c>split.*</c> keys.</summary>
    /// <param name="source">The model, in one file or several.</param>
    /// <param name="destination">The file to write.</param>
    /// <param name="overwrite">Whether an existing file may be replaced.</param>
    /// <param name="progress">Receives progress.</param>
    /// <param name="token">Cancels the operation; nothing is left behind.</param>
    /// <exception cref="IOException">The file exists already, or cannot be read or written.</exception>
    /// <exception cref="GgufFormatException">The source has changed since it was opened.</exception>
    /// <exception cref="OperationCanceledException">The operation was cancelled.</exception>
    public static void Merge(
        GgufFile source, string destination, bool overwrite = false,
        IProgress<WorkProgress>? progress = null, CancellationToken token = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentException.ThrowIfNullOrEmpty(destination);
        GgufWriter writer = new(WithoutSplit(source.Metadata), source.Tensors.Select(tensor => GgufTensorInfo.Of(tensor, tensor.Type)));
        using AtomicFile file = new GgufCopy(source, progress, token).Write(Path.GetFullPath(destination), writer, overwrite);
        source.ThrowIfChanged();
        file.Commit(token);
    }

    private static GgufWriter Layout(GgufFile source, IReadOnlyList<GgufTensor> tensors, int number, int count) => new(
        [.. number == 0 ? WithoutSplit(source.Metadata) : [], .. SplitEntries(number, count, source.Tensors.Count)],
        tensors.Select(tensor => GgufTensorInfo.Of(tensor, tensor.Type)));

    private static IEnumerable<GgufEntry> WithoutSplit(GgufMetadata metadata) =>
        metadata.Where(entry => !GgufSplit.IsKey(entry.Key));

    private static IEnumerable<GgufEntry> SplitEntries(int number, int count, int tensors) =>
    [
        GgufEntry.Create(GgufSplit.NumberKey, (ushort)number),
        GgufEntry.Create(GgufSplit.TensorCountKey, tensors),
        GgufEntry.Create(GgufSplit.CountKey, (ushort)count),
    ];
}
