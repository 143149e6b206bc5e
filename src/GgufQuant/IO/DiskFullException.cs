namespace GgufQuant.IO;

/// <summary>The disk has no room for a file.</summary>
public sealed class DiskFullException : IOException
{
    // ENOSPC; ERROR_HANDLE_DISK_FULL and ERROR_DISK_FULL.
    private const int PosixNoSpace = 28;
    private const int WindowsHandleDiskFull = unchecked((int)0x80070027);
    private const int WindowsDiskFull = unchecked((int)0x80070070);

    /// <param name="path">The full path of the file.</param>
    /// <param name="message">The message for the user.</param>
    public DiskFullException(string path, string message)
        : base(message) => Path = path;

    /// <summary>The full path of the file that was to be written.</summary>
    public string Path { get; }

    /// <summary>Whether an exception reports a full disk: this one, or the system's own.</summary>
    public static bool IsCauseOf(IOException exception) =>
        exception is DiskFullException || exception.HResult is WindowsHandleDiskFull or WindowsDiskFull
        || (!OperatingSystem.IsWindows() && exception.HResult == PosixNoSpace);
}
