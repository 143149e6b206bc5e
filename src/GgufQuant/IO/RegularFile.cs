using Microsoft.Win32.SafeHandles;

namespace GgufQuant.IO;

/// <summary>Opens files that a user names. All of them are opened here.</summary>
/// <remarks>Opening a pipe blocks until something writes to it, and a device may never end, so both are rejected before they are opened.</remarks>
public static class RegularFile
{
    /// <summary>Whether a path leads to a regular file. On Windows, a pipe or device is taken for one.</summary>
    public static bool Exists(string path) => File.Exists(path) && !FileSystem.Native.IsSpecial(path);

    /// <summary>The error for a path that leads to something else.</summary>
    public static IOException NotRegular(string path) => new($"'{path}' is a pipe or a device, but a regular file is needed.");

    /// <summary>Opens a file for shared reading.</summary>
    /// <exception cref="IOException">It is missing, is a folder, a pipe or a device, or cannot be read.</exception>
    internal static SafeFileHandle Open(string path)
    {
        if (Directory.Exists(path))
            throw new IOException($"'{path}' is a folder, not a file.");
        if (FileSystem.Native.IsSpecial(path))
            throw NotRegular(path);
        return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
    }

    /// <summary>Opens a file for reading from its start.</summary>
    /// <inheritdoc cref="Open" path="/exception"/>
    internal static FileStream OpenStream(string path)
    {
        SafeFileHandle handle = Open(path);
        try
        {
            return new(handle, FileAccess.Read);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Reads a whole file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="limit">The most bytes that it may have.</param>
    /// <exception cref="IOException">It is too long, is missing, is a folder, a pipe or a device, or cannot be read.</exception>
    internal static byte[] ReadAllBytes(string path, int limit)
    {
        using FileStream stream = OpenStream(path);
        if (stream.Length > limit)
            throw new IOException($"'{path}' has {stream.Length:N0} bytes, but the limit is {limit:N0}.");
        byte[] bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}
