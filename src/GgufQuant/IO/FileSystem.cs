using System.Diagnostics;

namespace GgufQuant.IO;

/// <summary>This platform's file system.</summary>
internal static class FileSystem
{
    private static readonly TimeSpan s_firstDelay = TimeSpan.FromMilliseconds(20);
    private static readonly TimeSpan s_longestDelay = TimeSpan.FromMilliseconds(500);

    /// <summary>The operations as this platform has them.</summary>
    public static IFileSystem Native { get; } = OperatingSystem.IsWindows() ? new WindowsFileSystem() : new PosixFileSystem();

    /// <summary>Repeats an operation while another program has the file open, for as long as <see cref="IFileSystem.Patience"/> says.</summary>
    /// <param name="files">The file system.</param>
    /// <param name="operation">The operation. Its last exception is thrown.</param>
    /// <param name="token">Ends the waiting, not the operation.</param>
    public static void Retry(this IFileSystem files, Action operation, CancellationToken token = default)
    {
        long start = Stopwatch.GetTimestamp();
        TimeSpan delay = s_firstDelay;
        while (true)
        {
            try
            {
                operation();
                return;
            }
            catch (Exception exception) when (
                files.IsInUse(exception) && Stopwatch.GetElapsedTime(start) + delay < files.Patience && !token.WaitHandle.WaitOne(delay))
            {
                delay = delay * 2 < s_longestDelay ? delay * 2 : s_longestDelay;
            }
        }
    }

    /// <summary>Deletes a file that is no longer needed, or leaves it if that is not possible.</summary>
    public static void TryDelete(this IFileSystem files, string path)
    {
        try
        {
            files.Delete(path);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            // In use, or not this user's to delete.
        }
    }
}
