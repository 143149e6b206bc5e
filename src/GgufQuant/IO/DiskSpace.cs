namespace GgufQuant.IO;

/// <summary>Checks the free disk space before anything is written.</summary>
internal static class DiskSpace
{
    /// <summary>Whether the disk of a folder has room for files, as far as it says.</summary>
    internal static bool HasRoom(string folder, long bytes, IFileSystem fileSystem) => fileSystem.FindFreeBytes(folder) is not long available || available >= bytes;

    /// <param name="path">One of the files to be written.</param>
    /// <param name="bytes">Total bytes of all files in that folder.</param>
    /// <param name="fileSystem">The file system; null for this platform's.</param>
    /// <exception cref="DiskFullException">The disk has no room for them.</exception>
    /// <exception cref="IOException">The folder does not exist.</exception>
    internal static void Check(string path, long bytes, IFileSystem? fileSystem = null)
    {
        string folder = Path.GetDirectoryName(path) ?? throw new IOException($"'{path}' does not name a file.");
        if (!Directory.Exists(folder))
            throw new DirectoryNotFoundException($"The folder '{folder}' does not exist.");
        // Where the space is not known, the write itself fails if there is no room.
        if ((fileSystem ?? FileSystem.Native).FindFreeBytes(folder) is long available && available < bytes)
            throw new DiskFullException(path, $"The disk of '{folder}' has {available:N0} bytes free, but {bytes:N0} are needed: free some space, or write to another disk.");
    }
}
