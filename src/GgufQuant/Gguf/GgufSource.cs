using Microsoft.Win32.SafeHandles;

namespace GgufQuant.Gguf;

/// <summary>The bytes of one GGUF file, on disk or in memory, readable from any thread at any place.</summary>
internal sealed class GgufSource : IDisposable
{
    private readonly SafeFileHandle? _handle;
    private readonly byte[] _bytes = [];
    private bool _disposed;

    /// <summary>Opens a file for shared reading.</summary>
    /// <exception cref="IOException">It is missing, no regular file, or cannot be read.</exception>
    public GgufSource(string path)
    {
        Path = path;
        if (Directory.Exists(path))
            throw new IOException($"'{path}' is a folder, not a file.");
        _handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
        try
        {
            Length = RandomAccess.GetLength(_handle);
        }
        catch (NotSupportedException)
        {
            _handle.Dispose();
            throw new IOException($"'{path}' is a pipe or a device. GGUF needs random access, so it must be a regular file.");
        }
    }

    /// <summary>Takes bytes as a file of the given name.</summary>
    public GgufSource(string path, byte[] bytes)
    {
        Path = path;
        _bytes = bytes;
        Length = bytes.Length;
    }

    public string Path { get; }

    public long Length { get; }

    /// <summary>All the bytes where they are in memory anyway; empty for a file on disk.</summary>
    public byte[] Bytes => _bytes;

    /// <summary>Reads up to the end of the file; returns how many bytes there were.</summary>
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

    public void Dispose()
    {
        _disposed = true;
        _handle?.Dispose();
    }
}
