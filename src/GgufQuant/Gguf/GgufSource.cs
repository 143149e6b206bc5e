using GgufQuant.IO;
using Microsoft.Win32.SafeHandles;

namespace GgufQuant.Gguf;

/// <summary>The bytes of one GGUF file, on disk or in memory, readable at any offset from any thread.</summary>
internal sealed class GgufSource : IDisposable
{
    private readonly SafeFileHandle? _handle;
    private readonly byte[] _bytes = [];
    private readonly DateTime _lastWrite;
    private bool _disposed;

    /// <summary>Opens a file for shared reading.</summary>
    /// <exception cref="IOException">It is missing, is not a regular file, or cannot be read.</exception>
    public GgufSource(string path)
    {
        Path = path;
        if (Directory.Exists(path))
            throw new IOException($"'{path}' is a folder, not a file.");
        // Opening a pipe would wait for somebody to write to it.
        if (PosixFile.IsSpecial(path))
            throw NotRegular(path);
        _handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        try
        {
            Length = RandomAccess.GetLength(_handle);
            _lastWrite = File.GetLastWriteTimeUtc(_handle);
        }
        catch (NotSupportedException)
        {
            _handle.Dispose();
            throw NotRegular(path);
        }
    }

    /// <summary>Treats bytes as a file of the given name.</summary>
    public GgufSource(string path, byte[] bytes)
    {
        Path = path;
        _bytes = bytes;
        Length = bytes.Length;
    }

    public string Path { get; }

    public long Length { get; }

    /// <summary>All bytes of a file in memory; empty for a file on disk.</summary>
    public byte[] Bytes => _bytes;

    /// <summary>Reads up to the end of the file; returns the number of bytes read.</summary>
    public int Read(long offset, Span<byte> destination)
    {
        ObjectDisposedException.ThrowIf(_disposed, typeof(GgufFile));
        if (_handle is null)
        {
            ReadOnlySpan<byte> rest = _bytes.AsSpan((int)Math.Min(offset, Length));
            rest = rest[..Math.Min(rest.Length, destination.Length)];
            rest.CopyTo(destination);
            return rest.Length;
        }

        int total = 0;
        while (total < destination.Length)
        {
            int count = RandomAccess.Read(_handle, destination[total..], offset + total);
            if (count == 0)
                break;
            total += count;
        }
        return total;
    }

    /// <summary>Checks that the file is as it was opened, by its length and the time of its last change.</summary>
    /// <exception cref="IOException">It is not.</exception>
    public void ThrowIfChanged()
    {
        ObjectDisposedException.ThrowIf(_disposed, typeof(GgufFile));
        if (_handle is not null && (RandomAccess.GetLength(_handle) != Length || File.GetLastWriteTimeUtc(_handle) != _lastWrite))
            throw new IOException($"'{Path}' has changed while it was read, so what was made from it is not kept: try again when nothing writes to it.");
    }

    private static IOException NotRegular(string path) =>
        new($"'{path}' is a pipe or a device. GGUF needs random access, so it must be a regular file.");

    public void Dispose()
    {
        _disposed = true;
        _handle?.Dispose();
    }
}
