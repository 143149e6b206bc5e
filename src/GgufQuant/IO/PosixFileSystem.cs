using System.Runtime.InteropServices;
using System.Text;
using Microsoft.Win32.SafeHandles;

namespace GgufQuant.IO;

/// <summary>Files on Linux and macOS, where open files may be renamed, replaced and deleted.</summary>
/// <remarks>
/// The functions are those already in the process, so no library is searched for. .NET 10.0.12 reports success where
/// <c>fsync</c> fails, and offers neither a folder's <c>fsync</c> nor the kind, the number or the blocks of a file.
/// </remarks>
internal sealed unsafe class PosixFileSystem : IFileSystem
{
    private const int InvalidArgument = 22;
    private const int ReadOnlyFileSystem = 30;
    private const int Interrupted = 4;
    private const int BlockBytes = 512;
    private static readonly int s_notSupported = OperatingSystem.IsLinux() ? 95 : 45;

    private static readonly delegate* unmanaged<int, int> s_fsync = (delegate* unmanaged<int, int>)Function("fsync");
    private static readonly delegate* unmanaged<byte*, int, int> s_open = (delegate* unmanaged<byte*, int, int>)Function("open");
    private static readonly delegate* unmanaged<int, byte*, int, uint, byte*, int> s_statx = OperatingSystem.IsLinux() ? (delegate* unmanaged<int, byte*, int, uint, byte*, int>)Function("statx") : null;

    // Intel's Macs keep the name for a struct with file numbers of 32 bits.
    private static readonly delegate* unmanaged<byte*, byte*, int> s_stat = OperatingSystem.IsMacOS()
        ? (delegate* unmanaged<byte*, byte*, int>)Function(RuntimeInformation.ProcessArchitecture == Architecture.X64 ? "stat$INODE64" : "stat")
        : null;

    /// <inheritdoc/>
    public TimeSpan Patience => TimeSpan.Zero;

    /// <inheritdoc/>
    public FileIdentity? Identify(string path) => FindStatus(path) is { Number: not 0 } status ? new(status.Device, status.Number) : null;

    /// <inheritdoc/>
    public bool IsSpecial(string path)
    {
        const int TypeBits = 0xF000;
        const int RegularFile = 0x8000;
        const int Folder = 0x4000;
        return FindStatus(path) is { } status && (status.Mode & TypeBits) is not (RegularFile or Folder);
    }

    /// <inheritdoc/>
    public long? FindFreeBytes(string folder)
    {
        try
        {
            // The disk of any folder, although .NET calls it a drive.
            return new DriveInfo(folder).AvailableFreeSpace;
        }
        catch (Exception exception) when (exception is ArgumentException or IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    /// <inheritdoc/>
    public long CountAllocatedBytes(string path) => FindStatus(path) is { } status ? status.Blocks * BlockBytes : 0;

    /// <summary>Flushes a file or folder to the disk. What cannot be flushed, such as a pipe, is left.</summary>
    public void Flush(SafeFileHandle file, string path)
    {
        int error;
        do
        {
            Marshal.SetLastSystemError(0);
            error = s_fsync((int)file.DangerousGetHandle()) == 0 ? 0 : Marshal.GetLastSystemError();
        }
        while (error == Interrupted);
        GC.KeepAlive(file);
        if (error != 0 && error != InvalidArgument && error != ReadOnlyFileSystem && error != s_notSupported)
            throw new IOException($"'{path}' could not be flushed to the disk: {Marshal.GetPInvokeErrorMessage(error)}.");
        // There fsync leaves the data in the disk's own buffers, which this empties too.
        if (OperatingSystem.IsMacOS())
            RandomAccess.FlushToDisk(file);
    }

    /// <summary>Flushes a folder, so that the names in it last. One that this user may not read is left.</summary>
    public void FlushFolder(string path)
    {
        fixed (byte* name = NullTerminated(path))
        {
            using SafeFileHandle folder = new(s_open(name, OpenReadOnly), ownsHandle: true);
            if (!folder.IsInvalid)
                Flush(folder, path);
        }
    }

    /// <summary>Does nothing: neither readers nor the file's own mode prevent it from being replaced.</summary>
    public void TryReplacing(string path)
    {
    }

    /// <inheritdoc/>
    public bool IsInUse(Exception exception) => false;

    private static Status? FindStatus(string path)
    {
        // Longer than any of the structs.
        byte* status = stackalloc byte[512];
        fixed (byte* name = NullTerminated(path))
        {
            if (s_statx is not null)
            {
                const int CurrentFolder = -100;
                const uint TypeNumberAndBlocks = 0x1 | 0x100 | 0x400;
                // The kernel's struct statx is the same on every processor: mode, number, blocks, and the two halves of the device.
                return s_statx(CurrentFolder, name, 0, TypeNumberAndBlocks, status) != 0
                    ? null
                    : new(*(ushort*)(status + 28), *(ulong*)(status + 32), *(long*)(status + 48), ((ulong)*(uint*)(status + 136) << 32) | *(uint*)(status + 140));
            }
            // macOS's struct stat with file numbers of 64 bits: device, mode, number, and blocks after the times and the length.
            return s_stat is null || s_stat(name, status) != 0
                ? null
                : new(*(ushort*)(status + 4), *(ulong*)(status + 8), *(long*)(status + 104), *(uint*)status);
        }
    }

    // O_RDONLY | O_CLOEXEC
    private static int OpenReadOnly => OperatingSystem.IsLinux() ? 0x80000 : 0x1000000;

    private static byte[] NullTerminated(string path) => Encoding.UTF8.GetBytes(path + '\0');

    private static nint Function(string name) => NativeLibrary.TryGetExport(NativeLibrary.GetMainProgramHandle(), name, out nint address) ? address : 0;

    private readonly record struct Status(ushort Mode, ulong Number, long Blocks, ulong Device);
}
