using System.Diagnostics;
using GgufQuant.Gguf;
using GgufQuant.IO;

namespace GgufQuant.HuggingFace;

/// <summary>Writes a converted model as one file or as shards, converting parts of tensors in parallel.</summary>
/// <remarks>gguf-py's <c>GGUFWriter</c>: shards are filled by unpadded bytes, and the first has all metadata.</remarks>
internal sealed class ConversionWriter(GgufFile source, ShardLayout layout)
{
    private const int ChunkBytes = 2 << 20;

    /// <summary>The files of a whole model.</summary>
    /// <param name="source">The model.</param>
    /// <param name="split">How it is split; null for one file.</param>
    /// <exception cref="ArgumentException">There would be too many shards.</exception>
    internal static ShardLayout LayOut(GgufFile source, GgufSplitOptions? split) => ShardLayout.Of(Headers(source, split));

    /// <summary>Writes the files, and renames them to their final names once all are complete.</summary>
    internal void Write(string destination, bool overwrite, int threads, IProgress<WorkProgress>? progress, CancellationToken token)
    {
        IReadOnlyList<string> paths = layout.PathsAt(destination);
        DiskSpace.Check(paths[0], layout.Length);
        List<AtomicFile> files = [];
        try
        {
            foreach ((string path, GgufWriter file) in paths.Zip(layout.Files))
                files.Add(AtomicFile.Create(path, file.Length, overwrite, file.WriteHeader, isShared: layout.IsChosen));
            WriteData(files, threads, progress, token);
            source.ThrowIfChanged();
            layout.Commit(files, token);
        }
        finally
        {
            files.ForEach(file => file.Dispose());
        }
    }

    // In file order, because values computed from whole matrices are cached only briefly.
    private void WriteData(List<AtomicFile> files, int threads, IProgress<WorkProgress>? progress, CancellationToken token)
    {
        (int File, GgufTensor Target, long Offset, int Bytes)[] chunks = [.. Chunks()];
        long total = layout.Files.SelectMany(file => file.Tensors).Sum(tensor => tensor.ByteCount);
        long start = Stopwatch.GetTimestamp();
        long done = 0;
        int next = -1;
        ParallelLoop.For(threads, threads, _ =>
        {
            byte[] buffer = new byte[Math.Min(ChunkBytes, total)];
            for (int i = Interlocked.Increment(ref next); i < chunks.Length; i = Interlocked.Increment(ref next))
            {
                token.ThrowIfCancellationRequested();
                (int file, GgufTensor target, long offset, int bytes) = chunks[i];
                Span<byte> part = buffer.AsSpan(0, bytes);
                source.Read(source.FindTensor(target.Name)!, offset, part);
                files[file].Write(target.FileOffset + offset, part);
                long written = Interlocked.Add(ref done, bytes);
                progress?.Report(WorkProgress.Of($"{target.Name}, {NumberText.Size(written)} of {NumberText.Size(total)}", written, total, start));
            }
        }, token);
    }

    private IEnumerable<(int File, GgufTensor Target, long Offset, int Bytes)> Chunks()
    {
        for (int file = 0; file < layout.Files.Count; file++)
        {
            foreach (GgufTensor target in layout.Files[file].Tensors)
            {
                int step = ChunkBytes / target.Format.BlockBytes * target.Format.BlockBytes;
                for (long offset = 0; offset < target.ByteCount; offset += step)
                    yield return (file, target, offset, (int)Math.Min(step, target.ByteCount - offset));
            }
        }
    }

    private static List<GgufWriter> Headers(GgufFile source, GgufSplitOptions? split)
    {
        List<List<GgufTensor>> shards = Shards(source.Tensors, split);
        List<GgufWriter> headers = [];
        for (int number = 0; number < shards.Count; number++)
        {
            IEnumerable<GgufEntry> metadata = number == 0 ? source.Metadata : [];
            if (shards.Count > 1)
            {
                metadata =
                [
                    .. metadata,
                    GgufEntry.Create(GgufSplit.NumberKey, (ushort)number),
                    GgufEntry.Create(GgufSplit.CountKey, (ushort)shards.Count),
                    GgufEntry.Create(GgufSplit.TensorCountKey, source.Tensors.Count),
                ];
            }
            headers.Add(new GgufWriter(metadata, shards[number].Select(tensor => GgufTensorInfo.Of(tensor, tensor.Type)), keepsTrailingOnes: true, padsHeader: source.Tensors.Count > 0));
        }
        return headers;
    }

    private static List<List<GgufTensor>> Shards(IReadOnlyList<GgufTensor> tensors, GgufSplitOptions? split)
    {
        List<List<GgufTensor>> shards = split is { MetadataAlone: true } ? [[], []] : [[]];
        foreach (GgufTensor tensor in tensors)
        {
            List<GgufTensor> last = shards[^1];
            bool isFull = split is not null && last.Count > 0
                && (split.MaxBytes is { } limit ? last.Sum(earlier => earlier.ByteCount) + tensor.ByteCount > limit : last.Count >= split.MaxTensors);
            if (isFull)
                shards.Add([]);
            shards[^1].Add(tensor);
        }
        return shards.Count <= ushort.MaxValue ? shards
            : throw new ArgumentException($"The model would be split into {shards.Count} files, but the limit is {ushort.MaxValue}: allow larger shards.", nameof(split));
    }
}
