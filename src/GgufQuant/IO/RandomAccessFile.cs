using Microsoft.Win32.SafeHandles;

namespace GgufQuant.IO;

/// <summary>The bytes of one file, on disk or in memory, readable at any offset from any thread.</summary>
internal sealed class RandomAccessFile : IRandomAccessFile
{
    private readonly SafeFileHandle? _handle;
    private readonly DateTime _lastWrite;

    /// <summary>Opens a file for shared reading.</summary>
    /// <exception cref="IOException">It is missing, is not a regular file, or cannot be read.</exception>
    public RandomAccessFile(string path)
    {
        Path = path;
        _handle = RegularFile.Open(path);
        try
        {
            Length = RandomAccess.GetLength(_handle);
            _lastWrite = File.GetLastWriteTimeUtc(_handle);
        }
        catch (NotSupportedException)
        {
            _handle.Dispose();
            throw RegularFile.NotRegular(path);
        }
        catch
        {
            _handle.Dispose();
            throw;
        }
    }

    /// <summary>Treats bytes as a file of the given name.</summary>
    public RandomAccessFile(string path, byte[] bytes)
    {
        Path = path;
        Bytes = bytes;
        Length = bytes.Length;
    }

    public string Path { get; }

    public long Length { get; }

    /// <summary>All bytes of a file in memory; empty for a file on disk.</summary>
    public byte[] Bytes { get; } = [];

    /// <summary>Reads up to the end of the file; returns the number of bytes read.</summary>
    public int Read(long offset, Span<byte> destination) => Read(offset, destination, destination.Length);

    public int Read(long offset, Span<byte> destination, int least)
    {
        if (_handle is null)
        {
            ReadOnlySpan<byte> rest = Bytes.AsSpan((int)Math.Min(offset, Length));
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
        if (_handle is not null && (RandomAccess.GetLength(_handle) != Length || File.GetLastWriteTimeUtc(_handle) != _lastWrite))
            throw new IOException($"'{Path}' has changed while it was read, so what was made from it is not kept: try again when nothing writes to it.");
    }

    public void Dispose() => _handle?.Dispose();
}
