namespace GgufQuant.Quantization;

/// <summary>A file that appears under its name only when it is whole.</summary>
/// <remarks>
/// It is written beside its target under a temporary name, flushed to the disk and renamed by <see cref="Commit"/>.
/// Disposed without that, it leaves nothing behind, unless it is to be gone on with later.
/// </remarks>
internal sealed class AtomicFile : IDisposable
{
    private readonly string _path;
    private readonly string _temporaryPath;
    private readonly bool _overwrite;
    private readonly bool _isResumable;
    private readonly FileStream _stream;
    private readonly Lock _writing = new();
    private bool _committed;

    private AtomicFile(string path, bool overwrite, bool isResumable)
    {
        _path = path;
        _overwrite = overwrite;
        _isResumable = isResumable;
        _temporaryPath = isResumable ? $"{path}.partial" : $"{path}.{Guid.NewGuid():N}.partial";
        _stream = new FileStream(_temporaryPath, isResumable ? FileMode.OpenOrCreate : FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 64 * 1024);
    }

    /// <summary>Starts a file of a known length.</summary>
    /// <param name="path">Its name to be.</param>
    /// <param name="length">Its bytes, zero where nothing has been written.</param>
    /// <param name="overwrite">Whether a file of that name may be replaced.</param>
    /// <param name="writeHeader">Writes the bytes it starts with.</param>
    /// <param name="isResumable">Whether it is gone on with where it was left, and left again if it is not committed; the caller knows what room that takes.</param>
    /// <exception cref="IOException">The target exists and is not to be overwritten, is a folder, or the disk has no room.</exception>
    internal static AtomicFile Create(string path, long length, bool overwrite, Action<Stream> writeHeader, bool isResumable = false)
    {
        CheckTarget(path, overwrite);
        if (!isResumable)
            DiskRoom.Check(path, length);

        AtomicFile file = new(path, overwrite, isResumable);
        try
        {
            file._stream.SetLength(length);
            writeHeader(file._stream);
            file._stream.Flush();
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Writes bytes at a place; any thread may.</summary>
    internal void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        // File systems take one writer at a time and let the others spin; here they sleep.
        lock (_writing)
            RandomAccess.Write(_stream.SafeFileHandle, bytes, offset);
    }

    /// <summary>Reads bytes that were written; any thread may.</summary>
    internal int Read(long offset, Span<byte> bytes) => RandomAccess.Read(_stream.SafeFileHandle, bytes, offset);

    /// <summary>Flushes the file to the disk and gives it its name.</summary>
    /// <exception cref="IOException">The disk is full, or the target has appeared meanwhile.</exception>
    internal void Commit()
    {
        RandomAccess.FlushToDisk(_stream.SafeFileHandle);
        _stream.Dispose();
        File.Move(_temporaryPath, _path, _overwrite);
        _committed = true;
    }

    public void Dispose()
    {
        _stream.Dispose();
        if (!_committed && !_isResumable)
            File.Delete(_temporaryPath);
    }

    private static void CheckTarget(string path, bool overwrite)
    {
        if (Directory.Exists(path))
            throw new IOException($"'{path}' is a folder.");
        if (!overwrite && File.Exists(path))
            throw new IOException($"'{path}' exists already.");
    }
}
