using GgufQuant.IO;

namespace GgufQuant.Gguf;

/// <summary>A model in GGUF, in one file or several: its header in memory, its tensor data on disk.</summary>
/// <remarks>Thread-safe, except for <see cref="Dispose"/>.</remarks>
public sealed class GgufFile : IDisposable
{
    private readonly GgufSource[] _sources;
    private readonly ITensorData? _data;
    private readonly Dictionary<string, GgufTensor> _byName;

    private GgufFile(GgufSource[] sources, GgufHeader[] headers)
    {
        _sources = sources;
        GgufHeader first = headers[0];
        Version = first.Version;
        IsBigEndian = first.IsBigEndian;
        Alignment = first.Alignment;
        Metadata = first.Metadata;
        Shards = [.. sources.Zip(headers, (source, header) => new GgufShard(source.Path, source.Length, header.DataOffset, header.Alignment))];
        Length = sources.Sum(source => source.Length);
        Tensors = headers.Length == 1 ? first.Tensors : [.. headers.SelectMany(header => header.Tensors)];
        _byName = Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
        Fault = headers.Select(header => header.Fault).FirstOrDefault(fault => fault is not null);
        Gap = Fault;
        IsHeaderOnly = Fault is not null && headers.All(header => header.IsAlone);
    }

    private GgufFile(string path, GgufWriter layout, long length, ITensorData data, Exception? gap)
    {
        _sources = [];
        _data = data;
        Gap = gap;
        Version = 3;
        Alignment = layout.Alignment;
        Metadata = layout.Metadata;
        Shards = [new GgufShard(path, length, layout.DataOffset, layout.Alignment)];
        Length = length;
        Tensors = layout.Tensors;
        _byName = Tensors.ToDictionary(tensor => tensor.Name, StringComparer.Ordinal);
    }

    /// <summary>The full path of the first shard; the address of a remote file.</summary>
    public string Path => Shards[0].Path;

    /// <summary>The files of the model, in order; one unless it is split.</summary>
    public IReadOnlyList<GgufShard> Shards { get; }

    /// <summary>The files that are read: the shards, or those that the tensors are made from where the model is no GGUF file.</summary>
    public IEnumerable<string> SourcePaths => _data?.Paths ?? Shards.Select(shard => shard.Path);

    /// <summary>The version of the format, 2 or 3.</summary>
    public uint Version { get; }

    /// <summary>Whether the file is big-endian.</summary>
    public bool IsBigEndian { get; }

    /// <summary>Alignment of every tensor's data, in bytes.</summary>
    public int Alignment { get; }

    /// <summary>Total bytes of all shards.</summary>
    public long Length { get; }

    /// <summary>The metadata; that of the first shard if the model is split.</summary>
    public GgufMetadata Metadata { get; }

    /// <summary>The tensors in file order.</summary>
    public IReadOnlyList<GgufTensor> Tensors { get; }

    /// <summary>What is wrong with tensors that <see cref="OpenTolerant"/> left out, or whose data is missing; null if nothing is.</summary>
    public GgufFormatException? Fault { get; }

    /// <summary>What this model, opened tolerantly, lacks of a whole one, so that none may be made from it; null if nothing is missing.</summary>
    internal Exception? Gap { get; }

    /// <summary>Whether the headers are whole and sound, but no tensor has any data: what <see cref="OpenTolerant"/> accepts as well.</summary>
    public bool IsHeaderOnly { get; }

    /// <summary>The total bytes of all shards with their data, even if <see cref="IsHeaderOnly"/>.</summary>
    public long CompleteLength => IsHeaderOnly ? Shards.Sum(shard => shard.DataOffset) + Tensors.Sum(tensor => tensor.ByteCount) : Length;

    /// <summary>Reads the header of a file, and those of all shards if the model is split.</summary>
    /// <param name="path">The file, or any shard of a split model.</param>
    /// <param name="token">Stops it.</param>
    /// <exception cref="GgufFormatException">A file is malformed.</exception>
    /// <exception cref="IOException">A file is missing, is a pipe or a device, or cannot be read.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static GgufFile Open(string path, CancellationToken token = default) => OpenOnDisk(path, isTolerant: false, token);

    /// <summary>
    /// Reads a header like <see cref="Open(string, CancellationToken)"/>, but leaves out tensors that ggml rejects, such as those of a
    /// type that only a fork of it knows, and accepts a truncated file whose header is whole: <see cref="Fault"/> says what is wrong.
    /// Such a file can be shown, but not worked on.
    /// </summary>
    /// <param name="path">The file, or any shard of a split model.</param>
    /// <param name="token">Stops it.</param>
    /// <exception cref="GgufFormatException">A file is malformed in another way.</exception>
    /// <exception cref="IOException">A file is missing, is a pipe or a device, or cannot be read.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static GgufFile OpenTolerant(string path, CancellationToken token = default) => OpenOnDisk(path, isTolerant: true, token);

    private static GgufFile OpenOnDisk(string path, bool isTolerant, CancellationToken token)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        return Open(System.IO.Path.GetFullPath(path), full => new RandomAccessFile(full), isTolerant, token);
    }

    /// <summary>Reads a header, and those of all shards, from wherever the files are.</summary>
    /// <param name="path">The full path or the address of the file, or of any shard.</param>
    /// <param name="open">Opens a file by its full path or address.</param>
    /// <param name="isTolerant">Whether to read it as <see cref="OpenTolerant"/> does.</param>
    /// <param name="token">Stops it.</param>
    internal static GgufFile Open(string path, Func<string, IRandomAccessFile> open, bool isTolerant, CancellationToken token)
    {
        List<GgufSource> opened = [];
        try
        {
            GgufSource source = new(open(path));
            opened.Add(source);
            GgufHeader header = GgufHeaderReader.Read(source, shard: 0, isTolerant, token);
            if (GgufSplit.Of(source.Path, header) is not { } split)
                return new GgufFile([source], [header]);
            return OpenShards(split, source, open, opened, isTolerant, token);
        }
        catch
        {
            opened.ForEach(source => source.Dispose());
            throw;
        }
    }

    /// <summary>The full path of the first shard of the model a file belongs to; the file's own if the model is not split.</summary>
    /// <param name="path">The file.</param>
    /// <param name="token">Stops it.</param>
    /// <exception cref="GgufFormatException">The file is malformed.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static string FirstShardOf(string path, CancellationToken token = default)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using GgufSource source = new(System.IO.Path.GetFullPath(path));
        return GgufSplit.Of(source.Path, GgufHeaderReader.Read(source, shard: 0, isTolerant: true, token)) is { } split
            ? split.PathOf(0)
            : source.Path;
    }

    /// <summary>The tensor with a name; null if there is none.</summary>
    public GgufTensor? FindTensor(string name) => _byName.GetValueOrDefault(name);

    /// <summary>Reads part of a tensor's data, little-endian whatever the file's byte order.</summary>
    /// <param name="tensor">One of <see cref="Tensors"/>.</param>
    /// <param name="offset">Where to start, in bytes from the start of the tensor's data.</param>
    /// <param name="destination">Filled completely.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part is not within the tensor.</exception>
    /// <exception cref="GgufFormatException">The file has shrunk since it was opened.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public void Read(GgufTensor tensor, long offset, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, tensor.ByteCount - destination.Length);
        if (_data is not null)
        {
            _data.Read(tensor, offset, destination);
            return;
        }
        if (!IsBigEndian)
        {
            ReadRaw(tensor, offset, destination);
            return;
        }

        int blockBytes = tensor.Format.BlockBytes;
        long start = offset / blockBytes * blockBytes;
        long end = (offset + destination.Length + blockBytes - 1) / blockBytes * blockBytes;
        if (start == offset && end - start == destination.Length)
        {
            ReadRaw(tensor, offset, destination);
            ByteOrder.SwapBlocks(destination, tensor.Format);
            return;
        }
        byte[] blocks = new byte[end - start];
        ReadRaw(tensor, start, blocks);
        ByteOrder.SwapBlocks(blocks, tensor.Format);
        blocks.AsSpan((int)(offset - start), destination.Length).CopyTo(destination);
    }

    /// <summary>Bytes that are read for a tensor: those of its data, or of what that is made from.</summary>
    internal long SourceBytesOf(GgufTensor tensor) => _data?.SourceBytesOf(tensor) ?? tensor.ByteCount;

    /// <summary>Checks, after the data was read, that the files are as they were opened, by length and time of change.</summary>
    /// <exception cref="IOException">One has changed.</exception>
    public void ThrowIfChanged()
    {
        foreach (GgufSource source in _sources)
            source.ThrowIfChanged();
        _data?.ThrowIfChanged();
    }

    /// <summary>Closes the files. Metadata already in memory stays readable; long arrays do not.</summary>
    public void Dispose()
    {
        foreach (GgufSource source in _sources)
            source.Dispose();
        _data?.Dispose();
    }

    /// <summary>Takes a model that is not in a GGUF file for one.</summary>
    /// <param name="path">Where the model is.</param>
    /// <param name="layout">The file that would be written.</param>
    /// <param name="length">Bytes of the model where it is.</param>
    /// <param name="data">Gives the tensors' data; is disposed of with the file.</param>
    /// <param name="gap">What is missing, so that no file may be made from it; null if nothing is.</param>
    internal static GgufFile Of(string path, GgufWriter layout, long length, ITensorData data, Exception? gap) => new(path, layout, length, data, gap);

    /// <summary>Reads one file on its own, whether or not it is a shard.</summary>
    internal static GgufFile OpenShard(string path)
    {
        GgufSource source = new(path);
        try
        {
            return new GgufFile([source], [GgufHeaderReader.Read(source)]);
        }
        catch
        {
            source.Dispose();
            throw;
        }
    }

    /// <summary>Reads the raw start of the first shard.</summary>
    internal void ReadHeader(Span<byte> destination)
    {
        if (_sources[0].Read(0, destination) < destination.Length)
            throw new GgufFormatException(Path, "header", 0, "the file has shrunk since it was opened");
    }

    /// <summary>Reads a file held in memory.</summary>
    internal static GgufFile Open(string name, byte[] bytes, bool isTolerant = false)
    {
        GgufSource source = new(name, bytes);
        return new GgufFile([source], [GgufHeaderReader.Read(source, shard: 0, isTolerant)]);
    }

    private static GgufFile OpenShards(
        GgufSplit split, GgufSource given, Func<string, IRandomAccessFile> open, List<GgufSource> opened, bool isTolerant, CancellationToken token)
    {
        GgufSource[] sources = new GgufSource[split.Count];
        GgufHeader[] headers = new GgufHeader[split.Count];
        for (int i = 0; i < split.Count; i++)
        {
            sources[i] = i == split.Number ? given : split.OpenShard(i, open);
            if (i != split.Number)
                opened.Add(sources[i]);
            headers[i] = GgufHeaderReader.Read(sources[i], shard: i, isTolerant, token);
        }
        split.Check(sources, headers);
        return new GgufFile(sources, headers);
    }

    private void ReadRaw(GgufTensor tensor, long offset, Span<byte> destination)
    {
        GgufSource source = _sources[tensor.Shard];
        if (source.Read(tensor.FileOffset + offset, destination) < destination.Length)
            throw new GgufFormatException(source.Path, $"tensor '{tensor.Name}' data", tensor.FileOffset, Missing(tensor, source));
    }

    private static string Missing(GgufTensor tensor, GgufSource source) => tensor.FileOffset + tensor.ByteCount > source.Length
        ? $"its {tensor.ByteCount} bytes extend beyond the file's {source.Length} bytes, so the file is truncated: download it again"
        : "the file has shrunk since it was opened";
}
