using GgufQuant.IO;
using Microsoft.Win32.SafeHandles;

namespace GgufQuant.Tests.IO;

/// <summary>This machine's file system with Windows' rules: an open file is neither renamed, replaced nor deleted, and space is taken at once.</summary>
/// <remarks>What a process has open through .NET is locked on every platform, which shows here that it is open.</remarks>
internal sealed class WindowsRules : IFileSystem
{
    private const int SharingViolation = unchecked((int)0x80070020);
    private readonly IFileSystem _native = FileSystem.Native;
    private readonly WindowsFileSystem _windows = new();

    /// <summary>Bytes that are free.</summary>
    public long? FreeBytes { get; init; } = long.MaxValue;

    /// <summary>What the file system knows files by, where it is not the machine's.</summary>
    public Func<string, FileIdentity?>? Identities { get; init; }

    public TimeSpan Patience { get; init; } = TimeSpan.FromSeconds(0.3);

    public FileIdentity? Identify(string path) => Identities is null ? _native.Identify(path) : Identities(path);

    public bool IsSpecial(string path) => false;

    // As for a folder that a volume without a letter is mounted in.
    public string? FindLinkTarget(string path) => path + Path.DirectorySeparatorChar;

    public long? FindFreeBytes(string folder) => FreeBytes;

    public long CountAllocatedBytes(string path) => File.Exists(path) ? new FileInfo(path).Length : 0;

    public void Flush(SafeFileHandle file, string path) => _native.Flush(file, path);

    public void FlushFolder(string path) => _windows.FlushFolder(path);

    public void TryReplacing(string path) => AsWindows(() => _windows.TryReplacing(path));

    public void Move(string from, string to, bool overwrite)
    {
        if (overwrite && File.Exists(to))
        {
            try
            {
                TryReplacing(to);
            }
            catch (IOException)
            {
                throw new UnauthorizedAccessException("Access to the path is denied.");
            }
        }
        TryOpening(from);
        File.Move(from, to, overwrite);
    }

    public void Delete(string path)
    {
        if (!File.Exists(path))
            return;
        TryOpening(path);
        File.Delete(path);
    }

    public bool IsInUse(Exception exception) => _windows.IsInUse(exception);

    private static void TryOpening(string path) =>
        AsWindows(() => new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.None, bufferSize: 0).Dispose());

    private static void AsWindows(Action open)
    {
        try
        {
            open();
        }
        catch (IOException exception) when (exception is not FileNotFoundException && exception.Message.Contains("being used by another process", StringComparison.Ordinal))
        {
            throw new IOException(exception.Message, SharingViolation);
        }
    }
}
