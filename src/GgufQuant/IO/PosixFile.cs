using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace GgufQuant.IO;

/// <summary>What libc knows of files and .NET does not say.</summary>
/// <remarks>
/// The functions are those already in the process, so no library is searched for. .NET 10.0.12 reports success where
/// <c>fsync</c> fails, and offers neither a folder's <c>fsync</c> nor the kind of a file.
/// </remarks>
internal static unsafe class PosixFile
{
    private const int InvalidArgument = 22;
    private const int ReadOnlyFileSystem = 30;
    private const int Interrupted = 4;
    private static readonly int s_notSupported = OperatingSystem.IsLinux() ? 95 : 45;

    private static readonly delegate* unmanaged<int, int> s_fsync = (delegate* unmanaged<int, int>)Function("fsync");
    private static readonly delegate* unmanaged<byte*, int, int> s_open = (delegate* unmanaged<byte*, int, int>)Function("open");
    private static readonly delegate* unmanaged<int, byte*, int, uint, byte*, int> s_statx = OperatingSystem.IsLinux() ? (delegate* unmanaged<int, byte*, int, uint, byte*, int>)Function("statx") : null;

    /// <summary>Flushes a file or folder to the disk. What cannot be flushed, such as a pipe, is left.</summary>
    /// <exception cref="IOException">The disk did not take the data.</exception>
    internal static void Flush(SafeFileHandle handle, string path)
    {
        int error;
        do
        {
            Marshal.SetLastSystemError(0);
            error = s_fsync((int)handle.DangerousGetHandle()) == 0 ? 0 : Marshal.GetLastSystemError();
        }
        while (error == Interrupted);
        GC.KeepAlive(handle);
        if (error != 0 && error != InvalidArgument && error != ReadOnlyFileSystem && error != s_notSupported)
            throw new IOException($"'{path}' could not be flushed to the disk: {Marshal.GetPInvokeErrorMessage(error)}.");
    }

    /// <summary>Flushes a folder, so that the names in it last. One that this user may not read is left.</summary>
    /// <exception cref="IOException">The disk did not take them.</exception>
    internal static void FlushFolder(string path)
    {
        fixed (byte* name = NullTerminated(path))
        {
            using SafeFileHandle folder = new(s_open(name, OpenReadOnly), ownsHandle: true);
            if (!folder.IsInvalid)
                Flush(folder, path);
        }
    }

    /// <summary>Whether a path leads to a pipe, socket or device, which a program must not wait for. Known on Linux alone.</summary>
    internal static bool IsSpecial(string path)
    {
        const int CurrentFolder = -100;
        const uint TypeOfFile = 1;
        const int ModeOffset = 28;
        const int TypeBits = 0xF000;
        const int RegularFile = 0x8000;
        const int Folder = 0x4000;
        if (s_statx is null)
            return false;
        // The kernel's struct statx is the same on every processor.
        byte* status = stackalloc byte[256];
        fixed (byte* name = NullTerminated(path))
            return s_statx(CurrentFolder, name, 0, TypeOfFile, status) == 0 && (*(ushort*)(status + ModeOffset) & TypeBits) is not (RegularFile or Folder);
    }

    // O_RDONLY | O_CLOEXEC
    private static int OpenReadOnly => OperatingSystem.IsLinux() ? 0x80000 : 0x1000000;

    private static byte[] NullTerminated(string path) => System.Text.Encoding.UTF8.GetBytes(path + '\0');

    private static nint Function(string name) => NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), name, out nint address) ? address : 0;
}
