using GgufQuant.IO;

namespace GgufQuant.Gguf;

/// <summary>The bytes of one GGUF file, on disk or in memory, readable at any offset from any thread.</summary>
internal sealed class GgufSource : IDisposable
{
    private readonly RandomAccessFile _file;
    private bool _disposed;

    /// <summary>Opens a file for shared reading.</summary>
    /// <exception cref="IOException">It is missing, is not a regular file, or cannot be read.</exception>
    public GgufSource(string path) => _file = new(path);

    /// <summary>Treats bytes as a file of the given name.</summary>
    public GgufSource(string path, byte[] bytes) => _file = new(path, bytes);

    public string Path => _file.Path;

    public long Length => _file.Length;

    /// <summary>All bytes of a file in memory; empty for a file on disk.</summary>
    public byte[] Bytes => _file.Bytes;

    /// <inheritdoc cref="RandomAccessFile.Read"/>
    public int Read(long offset, Span<byte> destination)
    {
        ObjectDisposedException.ThrowIf(_disposed, typeof(GgufFile));
        return _file.Read(offset, destination);
    }

    /// <inheritdoc cref="RandomAccessFile.ThrowIfChanged"/>
    public void ThrowIfChanged()
    {
        ObjectDisposedException.ThrowIf(_disposed, typeof(GgufFile));
        _file.ThrowIfChanged();
    }

    public void Dispose()
    {
        _disposed = true;
        _file.Dispose();
    }
}
