using Microsoft.Win32.SafeHandles;

namespace GgufQuant.IO;

/// <summary>What platforms do differently with files. Nothing else in the sources renames, replaces, flushes, resizes or identifies a file, or asks a disk for its space.</summary>
internal interface IFileSystem
{
    /// <summary>How long a file that another program has open for a moment, such as a virus scanner, is waited for.</summary>
    TimeSpan Patience { get; }

    /// <summary>Which file or folder a path leads to, through all links; null if there is none or the file system does not say.</summary>
    FileIdentity? Identify(string path);

    /// <summary>Whether a path leads to a pipe, socket or device, which a program must not wait for.</summary>
    bool IsSpecial(string path);

    /// <summary>Where a link leads in the end; null if the path is not a link or cannot be resolved.</summary>
    string? FindLinkTarget(string path)
    {
        try
        {
            return File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <summary>Bytes that this user may still write to a folder; null if its file system does not say, as on some network shares.</summary>
    long? FindFreeBytes(string folder);

    /// <summary>Bytes of the disk that a file takes, fewer than its length if it is sparse; 0 if there is no file.</summary>
    long CountAllocatedBytes(string path);

    /// <summary>Changes the length of an open file. Some file systems take the space for all of it at once.</summary>
    /// <exception cref="IOException">The disk has no room.</exception>
    void SetLength(FileStream file, long length) => file.SetLength(length);

    /// <summary>Flushes a file to the disk.</summary>
    /// <exception cref="IOException">The disk is full or fails.</exception>
    void Flush(SafeFileHandle file, string path);

    /// <summary>Flushes a folder, so that the names in it last.</summary>
    /// <exception cref="IOException">The disk fails.</exception>
    void FlushFolder(string path);

    /// <summary>Tries whether a file that exists could be replaced now.</summary>
    /// <exception cref="IOException">It is read-only or in use.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not replace it, or it is in use.</exception>
    void TryReplacing(string path);

    /// <summary>Renames a file.</summary>
    /// <exception cref="IOException">The target exists and is not to be overwritten, or one of the files is in use.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not, or one of the files is in use.</exception>
    void Move(string from, string to, bool overwrite) => File.Move(from, to, overwrite);

    /// <summary>Renames a folder to a name that does not exist.</summary>
    /// <exception cref="IOException">The target exists, or a file in it is in use.</exception>
    void MoveFolder(string from, string to) => Directory.Move(from, to);

    /// <summary>Deletes a file if it exists.</summary>
    /// <exception cref="IOException">It is in use.</exception>
    /// <exception cref="UnauthorizedAccessException">This user may not delete it.</exception>
    void Delete(string path) => File.Delete(path);

    /// <summary>Whether an operation failed because another program has the file open, so that it may succeed later.</summary>
    bool IsInUse(Exception exception);
}
