using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace GgufQuant.TestKit;

/// <summary>Files of which only what is written takes space, on Windows too.</summary>
public static partial class SparseFile
{
    private const uint SetSparse = 0x000900C4;

    /// <summary>Creates an empty one.</summary>
    public static FileStream Create(string path)
    {
        FileStream file = File.Create(path);
        if (OperatingSystem.IsWindows() && DeviceIoControl(file.SafeFileHandle, SetSparse, 0, 0, 0, 0, out _, 0) == 0)
        {
            file.Dispose();
            throw new IOException($"'{path}' cannot be sparse on this disk.");
        }
        return file;
    }

    [LibraryImport("kernel32")]
    private static partial int DeviceIoControl(SafeFileHandle file, uint code, nint input, uint inputBytes, nint output, uint outputBytes, out uint returned, nint overlapped);
}
