using System.Runtime.InteropServices;

namespace GgufQuant.IO;

/// <summary>A file that appears under its name only when it is whole.</summary>
/// <remarks>
/// It is written beside its target under a temporary name, flushed to the disk and renamed by <see cref="Commit"/>.
/// Disposed without that, or when the process is asked to terminate, it leaves nothing behind, unless it is to be resumed
/// later. What a killed process left is removed when a file of the same name is next begun.
/// </remarks>
internal sealed class AtomicFile : IDisposable
{
    private const string Extension = ".partial";

    private readonly string _path;
    private readonly string _temporaryPath;
    private readonly bool _overwrite;
    private readonly bool _isResumable;
    private readonly FileStream _stream;
    private readonly PosixSignalRegistration[] _signals;
    private readonly Lock _writing = new();
    private bool _committed;

    private AtomicFile(string path, bool overwrite, bool isResumable)
    {
        _path = path;
        _overwrite = overwrite;
        _isResumable = isResumable;
        _temporaryPath = isResumable ? UnfinishedPathOf(path) : $"{path}.{Guid.NewGuid():N}{Extension}";
        _stream = new FileStream(_temporaryPath, isResumable ? FileMode.OpenOrCreate : FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, bufferSize: 64 * 1024);
        // Neither a request to terminate nor a terminal that is closed lets a process dispose of anything.
        _signals = isResumable
            ? []
            : [PosixSignalRegistration.Create(PosixSignal.SIGTERM, Abandon), PosixSignalRegistration.Create(PosixSignal.SIGHUP, Abandon)];
    }

    /// <summary>Starts a file of a known length.</summary>
    /// <param name="path">Its name to be.</param>
    /// <param name="length">Its bytes, zero where nothing has been written.</param>
    /// <param name="overwrite">Whether a file of that name may be replaced.</param>
    /// <param name="writeHeader">Writes the bytes it starts with.</param>
    /// <param name="isResumable">Whether an unfinished file is continued, and kept if it is not committed; the caller has checked the disk space.</param>
    /// <exception cref="IOException">The target exists and is not to be overwritten, is a folder, or the disk has no room.</exception>
    internal static AtomicFile Create(string path, long length, bool overwrite, Action<Stream> writeHeader, bool isResumable = false)
    {
        CheckTarget(path, overwrite);
        RemoveAbandoned(path);
        if (!isResumable)
            DiskSpace.Check(path, length);

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

    /// <summary>Tries whether a file could be written, before work that takes long; nothing is left behind.</summary>
    /// <exception cref="IOException">The target exists and is not to be overwritten, is a folder, or cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">The folder is not this user's to write to.</exception>
    internal static void Try(string path, bool overwrite) => Create(path, length: 0, overwrite, _ => { }).Dispose();

    /// <summary>The name of a resumable file while it is written.</summary>
    internal static string UnfinishedPathOf(string path) => path + Extension;

    /// <summary>Removes a file that no process is writing; false if it does not exist or is being written.</summary>
    internal static bool TryRemove(string path)
    {
        if (!File.Exists(path))
            return false;
        try
        {
            new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 0, FileOptions.DeleteOnClose).Dispose();
            return true;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Another process is writing it, or this user may not remove it.
            return false;
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
        foreach (PosixSignalRegistration signal in _signals)
            signal.Dispose();
        _stream.Dispose();
        if (!_committed && !_isResumable)
            File.Delete(_temporaryPath);
    }

    private void Abandon(PosixSignalContext context)
    {
        lock (_writing)
            _stream.Dispose();
        try
        {
            File.Delete(_temporaryPath);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // Left for the next file of this name to remove.
        }
    }

    private static void CheckTarget(string path, bool overwrite)
    {
        if (Directory.Exists(path))
            throw new IOException($"'{path}' is a folder.");
        if (!overwrite && File.Exists(path))
            throw new IOException($"'{path}' already exists.");
    }

    /// <summary>Removes what processes that were killed left of a file.</summary>
    internal static void RemoveAbandoned(string path)
    {
        // A writer holds its file exclusively, so one that can be opened exclusively is abandoned.
        string target = Path.GetFullPath(path);
        EnumerationOptions options = new() { MatchType = MatchType.Simple, AttributesToSkip = FileAttributes.None };
        foreach (string left in Directory.EnumerateFiles(Path.GetDirectoryName(target)!, $"*{Extension}", options))
        {
            if (IsTemporaryNameOf(target, left))
                TryRemove(left);
        }
    }

    private static bool IsTemporaryNameOf(string target, string path)
    {
        ReadOnlySpan<char> stem = path.AsSpan()[..^Extension.Length];
        return stem.StartsWith($"{target}.", StringComparison.Ordinal) && Guid.TryParseExact(stem[(target.Length + 1)..], "N", out _);
    }
}
