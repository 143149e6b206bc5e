using GgufQuant.IO;

namespace GgufQuant.Gguf;

/// <summary>Changes a file's metadata, never leaving a half-changed file.</summary>
/// <remarks>
/// A change that moves nothing else and falls within one 4096-byte page is written in place: disks write a page whole or
/// not at all. Any other change goes into a new file, little-endian and version 3, which replaces the old one once it is
/// complete.
/// </remarks>
public static class GgufMetadataEditor
{
    private const int PageBytes = 4096;

    // A longer header is not held in memory to find what changed in it.
    private const long MaxHeaderBytes = 1 << 28;

    /// <summary>Sets and removes entries. A key that exists keeps its place, a new one comes last.</summary>
    /// <param name="path">The file, or a link to it; for a split model any shard, although the first is the one edited.</param>
    /// <param name="set">Entries to add or replace.</param>
    /// <param name="remove">Keys to remove.</param>
    /// <param name="progress">Receives progress while the file is rewritten.</param>
    /// <param name="token">Cancels the operation; the file stays as it was.</param>
    /// <exception cref="ArgumentException">A key to remove does not exist, a key describes the split, the alignment is not a power of two, or the model is both split and big-endian.</exception>
    /// <exception cref="GgufFormatException">The file is malformed.</exception>
    /// <exception cref="IOException">The file cannot be read or written.</exception>
    /// <exception cref="UnauthorizedAccessException">The file may not be written.</exception>
    /// <exception cref="OperationCanceledException">The operation was cancelled.</exception>
    public static GgufEdit Apply(
        string path, IEnumerable<GgufEntry> set, IEnumerable<string> remove,
        IProgress<WorkProgress>? progress = null, CancellationToken token = default)
    {
        ArgumentNullException.ThrowIfNull(set);
        ArgumentNullException.ThrowIfNull(remove);
        string first;
        using (GgufFile model = GgufFile.Open(path, token))
        {
            if (model is { IsBigEndian: true, Shards.Count: > 1 })
                throw new ArgumentException($"'{model.Path}' is a shard of a big-endian model, and rewriting makes it little-endian: merge the model first.");
            first = FileSystem.Native.FindLinkTarget(model.Path) ?? model.Path;
        }

        long pageStart;
        byte[] page;
        using (GgufFile file = GgufFile.OpenShard(first))
        {
            GgufWriter writer = new(Change(file.Metadata, [.. set], [.. remove]), file.Tensors.Select(tensor => GgufTensorInfo.Of(tensor, tensor.Type)));
            if (!KeepsData(file, writer) || FindChange(file, writer) is not { } change)
            {
                RequireWritable(first);
                Rewrite(file, writer, progress, token);
                return GgufEdit.Rewritten;
            }
            if (change.Bytes.Length == 0)
                return GgufEdit.Unchanged;
            RequireWritable(first);
            (pageStart, page) = change;
        }

        token.ThrowIfCancellationRequested();
        using FileStream stream = new(first, FileMode.Open, FileAccess.Write, FileShare.Read, bufferSize: 0);
        RandomAccess.Write(stream.SafeFileHandle, page, pageStart);
        FileSystem.Native.Flush(stream.SafeFileHandle, first);
        return GgufEdit.InPlace;
    }

    // A new file would replace even one that is read-only.
    private static void RequireWritable(string path)
    {
        if (new FileInfo(path).IsReadOnly)
            throw new UnauthorizedAccessException($"'{path}' is read-only.");
    }

    /// <summary>The entries after a change, in their order.</summary>
    /// <exception cref="ArgumentException">The change cannot be made.</exception>
    internal static List<GgufEntry> Change(GgufMetadata metadata, GgufEntry[] set, string[] remove)
    {
        GgufSplit.ThrowIfReserved(set.Select(entry => entry.Key).Concat(remove));
        foreach (string key in remove)
        {
            if (!metadata.Contains(key))
                throw new ArgumentException($"There is no metadata key '{key}' to remove.");
        }

        Dictionary<string, GgufEntry> replacements = new GgufMetadata(set).ToDictionary(entry => entry.Key, StringComparer.Ordinal);
        List<GgufEntry> changed =
        [
            .. metadata.Where(entry => !remove.Contains(entry.Key, StringComparer.Ordinal))
                .Select(entry => replacements.Remove(entry.Key, out GgufEntry? replacement) ? replacement : entry),
        ];
        changed.AddRange(set.Where(entry => replacements.ContainsKey(entry.Key)));
        return changed;
    }

    private static bool KeepsData(GgufFile file, GgufWriter writer) =>
        !file.IsBigEndian
        && writer.DataOffset <= MaxHeaderBytes
        && (file.Tensors.Count > 0 ? writer.DataOffset <= file.Length : writer.DataOffset == file.Length)
        && writer.Tensors.Zip(file.Tensors, (after, before) => after.FileOffset == before.FileOffset).All(same => same);

    // The bytes that differ, if they all fit in one page; none if the headers are equal.
    private static (long Start, byte[] Bytes)? FindChange(GgufFile file, GgufWriter writer)
    {
        byte[] before = new byte[writer.DataOffset];
        file.ReadHeader(before);
        using MemoryStream stream = new(before.Length);
        writer.WriteHeader(stream);
        ReadOnlySpan<byte> after = stream.GetBuffer().AsSpan(0, (int)stream.Length);

        int start = after.CommonPrefixLength(before);
        if (start == after.Length)
            return (0, []);
        int end = after.Length;
        while (after[end - 1] == before[end - 1])
            end--;
        return start / PageBytes == (end - 1) / PageBytes ? (start, after[start..end].ToArray()) : null;
    }

    private static void Rewrite(GgufFile file, GgufWriter writer, IProgress<WorkProgress>? progress, CancellationToken token)
    {
        using AtomicFile target = new GgufCopy(file, progress, token).Write(file.Path, writer, overwrite: true, replacesSource: true);
        file.ThrowIfChanged();

        // Windows does not let an open file be replaced.
        file.Dispose();
        target.Commit(token);
    }
}
