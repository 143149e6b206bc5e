using GgufQuant.IO;

namespace GgufQuant.Gguf;

/// <summary>The bytes of one GGUF file, readable at any offset from any thread.</summary>
/// <param name="file">The file; is disposed of with this.</param>
internal sealed class GgufSource(IRandomAccessFile file) : IDisposable
{
    private bool _disposed;

    /// <summary>Opens a file on disk for shared reading.</summary>
    /// <exception cref="IOException">It is missing, is not a regular file, or cannot be read.</exception>
    public GgufSource(string path)
        : this(new RandomAccessFile(path))
    {
    }

    /// <summary>Treats bytes as a file of the given name.</summary>
    public GgufSource(string path, byte[] bytes)
        : this(new RandomAccessFile(path, bytes)) => Bytes = bytes;

    public string Path => file.Path;

    public long Length => file.Length;

    /// <summary>All bytes of a file in memory; empty for any other.</summary>
    public byte[] Bytes { get; } = [];

    /// <summary>Reads up to the end of the file; returns the number of bytes read.</summary>
    public int Read(long offset, Span<byte> destination) => Read(offset, destination, destination.Length);

    /// <inheritdoc cref="IRandomAccessFile.Read"/>
    public int Read(long offset, Span<byte> destination, int least)
    {
        ObjectDisposedException.ThrowIf(_disposed, typeof(GgufFile));
        return file.Read(offset, destination, least);
    }

    /// <inheritdoc cref="IRandomAccessFile.ThrowIfChanged"/>
    public void ThrowIfChanged()
    {
        ObjectDisposedException.ThrowIf(_disposed, typeof(GgufFile));
        file.ThrowIfChanged();
    }

    public void Dispose()
    {
        _disposed = true;
        file.Dispose();
    }
}
