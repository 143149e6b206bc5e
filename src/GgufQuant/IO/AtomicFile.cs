using System.Runtime.InteropServices;

namespace GgufQuant.IO;

/// <summary>A file that appears under its name only once it is complete.</summary>
/// <remarks>
/// It is written beside its target under a temporary name, flushed to the disk and renamed by <see cref="Commit"/>, as its
/// folder is flushed then. Disposed without that, or when the process is asked to terminate, it leaves nothing behind,
/// unless it is to be resumed later. What a killed process left is removed when a file of the same name is next begun; a
/// lock tells it from what another process writes. Where that may be on another machine, its name or its age does, because not
/// every file system has locks across machines: it is removed once its process has ended on this machine, or after an hour. A file that takes another's place has its permissions. A finished file that
/// cannot get its name is never deleted: it stays beside its target.
/// </remarks>
internal sealed class AtomicFile : IDisposable
{
    private const string Extension = ".partial";
    private const string KeptExtension = ".new";

    // File systems take one writer at a time. The next spins there and takes over at once, where waking it would take a good part of
    // a write; the others sleep.
    private const int MostWriters = 2;

    // A process that writes a file writes to it far more often.
    private static readonly TimeSpan s_abandonedAfter = TimeSpan.FromHours(1);

    // Held while names change, which a request to terminate must not interrupt.
    private static readonly Lock s_naming = new();

    private readonly IFileSystem _files;
    private readonly string _path;
    private readonly bool _overwrite;
    private readonly bool _isResumable;
    private readonly FileStream _stream;
    private readonly PosixSignalRegistration[] _signals;
    private readonly SemaphoreSlim _writers = new(MostWriters);
    private string _temporaryPath;
    private bool _isFinished;
    private bool _committed;

    private AtomicFile(IFileSystem files, string path, bool overwrite, Continuation? continuation)
    {
        _files = files;
        _path = path;
        _overwrite = overwrite;
        _isResumable = continuation is not null;
        _temporaryPath = _isResumable ? UnfinishedPathOf(path) : $"{path}.{WriterId.Create()}{Extension}";
        FileStreamOptions options = new()
        {
            Mode = _isResumable ? FileMode.OpenOrCreate : FileMode.CreateNew,
            Access = FileAccess.ReadWrite,
            Share = FileShare.None,
            BufferSize = 64 * 1024,
        };
        if (PermissionsOf(path) is { } mode && !OperatingSystem.IsWindows())
            options.UnixCreateMode = mode;
        _stream = new FileStream(_temporaryPath, options);
        // Dispose does not run when the process is asked to terminate or its terminal closes.
        _signals = _isResumable
            ? []
            : [PosixSignalRegistration.Create(PosixSignal.SIGTERM, Abandon), PosixSignalRegistration.Create(PosixSignal.SIGHUP, Abandon)];
        if (continuation == Continuation.FromNothing)
            _files.SetLength(_stream, 0);
    }

    /// <summary>What a resumable file is begun with.</summary>
    internal enum Continuation
    {
        /// <summary>Nothing: what is there under its unfinished name is discarded.</summary>
        FromNothing,

        /// <summary>The unfinished file.</summary>
        FromUnfinished,
    }

    /// <summary>Starts a file of a known length.</summary>
    /// <param name="path">Its final name.</param>
    /// <param name="length">Its length in bytes; those never written are zero.</param>
    /// <param name="overwrite">Whether a file of that name may be replaced.</param>
    /// <param name="writeHeader">Writes the bytes it starts with.</param>
    /// <param name="continuation">What to start with where the file is kept if it is not committed; the caller has checked the disk space and <see cref="CheckUnfinished"/>. Null for a file that is not kept.</param>
    /// <param name="isOpenHere">Whether the caller has the file that is replaced open, and closes it before <see cref="Commit"/>.</param>
    /// <param name="isShared">Whether processes on other machines may write a file of the same name.</param>
    /// <param name="fileSystem">The file system; null for this platform's.</param>
    /// <exception cref="IOException">The target exists and is not to be overwritten or cannot be replaced, is a folder, or the disk has no room.</exception>
    internal static AtomicFile Create(
        string path, long length, bool overwrite, Action<Stream> writeHeader, Continuation? continuation = null,
        bool isOpenHere = false, bool isShared = false, IFileSystem? fileSystem = null)
    {
        IFileSystem files = fileSystem ?? FileSystem.Native;
        CheckTarget(path, overwrite);
        if (!isOpenHere && File.Exists(path))
            CheckReplaceable(files, path);
        if (!isShared)
            RemoveAbandoned(path);
        if (continuation is null)
            DiskSpace.Check(path, length, files);

        AtomicFile file = new(files, path, overwrite, continuation);
        try
        {
            files.SetLength(file._stream, length);
            writeHeader(file._stream);
            file._stream.Flush();
            // By the clock of the file system, which machines may differ from.
            if (isShared)
                RemoveAbandoned(path, File.GetLastWriteTimeUtc(file._stream.SafeFileHandle) - s_abandonedAfter);
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Checks before long work that the file could be written; leaves nothing behind.</summary>
    /// <exception cref="IOException">The target exists and is not to be overwritten or cannot be replaced, is a folder, or cannot be written.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not write to the folder.</exception>
    internal static void Try(string path, bool overwrite) => Create(path, length: 0, overwrite, _ => { }).Dispose();

    /// <summary>The name of a resumable file while it is written.</summary>
    internal static string UnfinishedPathOf(string path) => path + Extension;

    /// <summary>Checks that an unfinished file, or one that belongs to it, is not a link to another file.</summary>
    /// <exception cref="IOException">It is a symbolic link, a pipe or a device.</exception>
    internal static void CheckUnfinished(string path)
    {
        if (new FileInfo(path).LinkTarget is not null)
            throw new IOException($"'{path}' is a symbolic link, and is not written through: remove the link, or write elsewhere.");
        if (FileSystem.Native.IsSpecial(path))
            throw new IOException($"'{path}' is a pipe or a device, not an unfinished file: remove it, or write elsewhere.");
    }

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

    /// <summary>Writes bytes at an offset; thread-safe.</summary>
    internal void Write(long offset, ReadOnlySpan<byte> bytes)
    {
        _writers.Wait();
        try
        {
            RandomAccess.Write(_stream.SafeFileHandle, bytes, offset);
        }
        finally
        {
            _writers.Release();
        }
    }

    /// <summary>Reads bytes that were written; thread-safe.</summary>
    internal int Read(long offset, Span<byte> bytes) => RandomAccess.Read(_stream.SafeFileHandle, bytes, offset);

    /// <summary>Flushes the file to the disk and gives it its name.</summary>
    /// <param name="token">Ends the waiting for a target that is in use.</param>
    /// <exception cref="IOException">The disk is full or fails, or the target cannot be replaced or has appeared meanwhile; the file is then kept beside it, and the message names both.</exception>
    internal void Commit(CancellationToken token = default) => CommitAll([this], token);

    /// <summary>Flushes files to the disk and gives them their names: all of them, or none, and then what they were to replace stays.</summary>
    /// <param name="files">The files.</param>
    /// <param name="token">Ends the waiting for a target that is in use.</param>
    /// <exception cref="IOException">The disk is full or fails, or a target cannot be replaced or has appeared meanwhile; the files are then kept beside their targets.</exception>
    internal static void CommitAll(IReadOnlyList<AtomicFile> files, CancellationToken token = default)
    {
        foreach (AtomicFile file in files)
            file.Finish();
        IFileSystem system = files[0]._files;
        IReadOnlyList<string> replaced = [];
        try
        {
            lock (s_naming)
            {
                foreach (AtomicFile file in files)
                    file._isFinished = true;
            }
            system.Retry(() => replaced = NameAll(files), token);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw KeepAll(files, exception);
        }
        foreach (string aside in replaced)
            TryRemove(aside);
        foreach (string folder in files.Select(file => Path.GetDirectoryName(file._path)!).Distinct())
            system.FlushFolder(folder);
    }

    /// <summary>Closes the file, and deletes it unless it is finished or to be resumed.</summary>
    public void Dispose()
    {
        foreach (PosixSignalRegistration signal in _signals)
            signal.Dispose();
        Close();
        if (!_committed && !_isFinished && !_isResumable)
            _files.TryDelete(_temporaryPath);
    }

    /// <summary>Flushes files to the disk and gives them their names one by one: those before a failure have theirs.</summary>
    /// <param name="files">The files.</param>
    /// <param name="token">Ends the waiting for a target that is in use.</param>
    /// <exception cref="IOException">The disk is full or fails, or a target cannot be replaced or has appeared meanwhile; its file is then kept beside it.</exception>
    internal static void CommitEach(IReadOnlyList<AtomicFile> files, CancellationToken token = default)
    {
        foreach (AtomicFile file in files)
            file.Commit(token);
    }

    private static IReadOnlyList<string> NameAll(IReadOnlyList<AtomicFile> files)
    {
        lock (s_naming)
        {
            IReadOnlyList<string> replaced = [];
            foreach (AtomicFile file in files)
                CheckTarget(file._path, file._overwrite);
            if (files is [AtomicFile only])
                only._files.Move(only._temporaryPath, only._path, only._overwrite);
            else
                replaced = MoveAll(files);
            foreach (AtomicFile file in files)
                file._committed = true;
            return replaced;
        }
    }

    // Several files cannot be replaced at once, so what is replaced is put aside until all have their names.
    private static List<string> MoveAll(IReadOnlyList<AtomicFile> files)
    {
        IFileSystem system = files[0]._files;
        List<string> replaced = [];
        Stack<(string From, string To)> undo = [];
        void Move(string from, string to)
        {
            system.Move(from, to, overwrite: false);
            undo.Push((to, from));
        }
        try
        {
            foreach (AtomicFile file in files)
            {
                if (file._overwrite && File.Exists(file._path))
                {
                    string aside = $"{file._path}.{Guid.NewGuid():N}.replaced";
                    Move(file._path, aside);
                    replaced.Add(aside);
                }
                Move(file._temporaryPath, file._path);
            }
        }
        catch (Exception cause) when (cause is IOException or UnauthorizedAccessException)
        {
            string stuck = string.Concat(undo.Select(move => UndoMove(system, move.From, move.To)));
            if (stuck.Length == 0)
                throw;
            throw new IOException(cause.Message + stuck, cause);
        }
        return replaced;
    }

    // Returns what could not be undone, as a sentence.
    private static string UndoMove(IFileSystem system, string from, string to)
    {
        try
        {
            system.Retry(() => system.Move(from, to, overwrite: false));
            return "";
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return $" '{from}' could then not be renamed back to '{to}': {exception.Message}";
        }
    }

    private static IOException KeepAll(IReadOnlyList<AtomicFile> files, Exception cause)
    {
        lock (s_naming)
        {
            foreach (AtomicFile file in files)
                file.Keep();
        }
        string kept = string.Join(", ", files.Select(file => $"'{(File.Exists(file._temporaryPath) ? file._temporaryPath : file._path)}'"));
        string targets = string.Join(", ", files.Select(file => $"'{file._path}'"));
        return new IOException(
            files.Count == 1
                ? $"The finished file could not be named {targets}: {cause.Message} It has been kept as {kept}: rename it when no program uses its target."
                : $"None of the finished files could be named {targets}: {cause.Message} They have been kept as {kept}: rename them when no program uses their targets.",
            cause);
    }

    // Under a name that no later run removes. A file to be resumed has one.
    private void Keep()
    {
        if (_isResumable)
            return;
        string kept = _path + KeptExtension;
        if (File.Exists(kept))
            kept = $"{_path}.{Guid.NewGuid():N}{KeptExtension}";
        try
        {
            _files.Retry(() => _files.Move(_temporaryPath, kept, overwrite: false));
            _temporaryPath = kept;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // It keeps the name that it has.
        }
    }

    private void Finish()
    {
        if (PermissionsOf(_path) is { } mode && !OperatingSystem.IsWindows())
            File.SetUnixFileMode(_stream.SafeFileHandle, mode);
        _files.Flush(_stream.SafeFileHandle, _temporaryPath);
        _stream.Dispose();
    }

    private static UnixFileMode? PermissionsOf(string path)
    {
        if (OperatingSystem.IsWindows() || !File.Exists(path))
            return null;
        try
        {
            return File.GetUnixFileMode(path);
        }
        catch (FileNotFoundException)
        {
            // A link to nowhere exists and has none.
            return null;
        }
    }

    private void Close()
    {
        try
        {
            _stream.Dispose();
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException && !_committed)
        {
            // The rest of the header finds no room either on a full disk; the file is closed all the same.
        }
    }

    private void Abandon(PosixSignalContext context)
    {
        lock (s_naming)
        {
            if (_committed)
                return;
            for (int i = 0; i < MostWriters; i++)
                _writers.Wait();
            Close();
            _writers.Release(MostWriters);
            if (_isFinished)
                Keep();
            else
                _files.TryDelete(_temporaryPath);
        }
    }

    private static void CheckTarget(string path, bool overwrite)
    {
        if (Directory.Exists(path))
            throw new IOException($"'{path}' is a folder.");
        if (!overwrite && File.Exists(path))
            throw new IOException($"'{path}' already exists.");
    }

    private static void CheckReplaceable(IFileSystem files, string path)
    {
        try
        {
            files.Retry(() => files.TryReplacing(path));
        }
        catch (Exception exception) when (files.IsInUse(exception))
        {
            throw new IOException($"'{path}' cannot be replaced, because a program has it open or this user may not write to it: close the program, or write to another name.", exception);
        }
    }

    /// <summary>Removes what killed processes left of a file.</summary>
    internal static void RemoveAbandoned(string path) => RemoveAbandoned(path, DateTime.MaxValue);

    private static void RemoveAbandoned(string path, DateTime untouchedSince)
    {
        // A writer holds its file exclusively, so one that can be opened exclusively is abandoned.
        string target = Path.GetFullPath(path);
        EnumerationOptions options = new() { MatchType = MatchType.Simple, AttributesToSkip = FileAttributes.None };
        foreach (string left in Directory.EnumerateFiles(Path.GetDirectoryName(target)!, $"*{Extension}", options))
        {
            ReadOnlySpan<char> writer = WriterOf(target, left);
            if (WriterId.IsValid(writer) && (File.GetLastWriteTimeUtc(left) <= untouchedSince || WriterId.HasEnded(writer)))
                TryRemove(left);
        }
    }

    // Empty for the name of another file.
    private static ReadOnlySpan<char> WriterOf(string target, string path)
    {
        ReadOnlySpan<char> stem = path.AsSpan()[..^Extension.Length];
        return stem.StartsWith($"{target}.", PathIdentity.NameComparison) ? stem[(target.Length + 1)..] : [];
    }
}
