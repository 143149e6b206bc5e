using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace GgufQuant.IO;

/// <summary>Files on Windows, where one that any program has open can be neither replaced nor deleted.</summary>
internal sealed unsafe partial class WindowsFileSystem : IFileSystem
{
    // ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION and ERROR_USER_MAPPED_FILE. Windows says the first of
    // these of a rename over an open file.
    private const int AccessDenied = unchecked((int)0x80070005);
    private const int SharingViolation = unchecked((int)0x80070020);
    private const int LockViolation = unchecked((int)0x80070021);
    private const int UserMappedFile = unchecked((int)0x800704C8);

    private const uint BackupSemantics = 0x02000000;
    private const int StandardInformation = 1;
    private const int IdInformation = 18;

    /// <inheritdoc/>
    public TimeSpan Patience { get; } = TimeSpan.FromSeconds(5);

    /// <inheritdoc/>
    public FileIdentity? Identify(string path)
    {
        using SafeFileHandle file = OpenAttributes(path);
        if (file.IsInvalid)
            return null;
        FileIdInformation id;
        if (GetFileInformationByHandleEx(file, IdInformation, &id, (uint)sizeof(FileIdInformation)) != 0 && IsNumber(id.Number))
            return new(id.Volume, id.Number);
        // FAT and older network shares know the shorter number alone.
        FileInformation information;
        if (GetFileInformationByHandle(file, &information) == 0)
            return null;
        ulong number = ((ulong)information.IndexHigh << 32) | information.IndexLow;
        return number is 0 or ulong.MaxValue ? null : new(information.Volume, number);
    }

    /// <summary>False: a pipe or device cannot be distinguished from a file before it is opened.</summary>
    public bool IsSpecial(string path) => false;

    /// <summary>The folder's own disk, a share's too, with this user's quota.</summary>
    public long? FindFreeBytes(string folder)
    {
        ulong available;
        // A folder that a volume is mounted in counts as that volume only with a separator behind it.
        return GetDiskFreeSpaceEx(WindowsPath.Extend(Path.EndsInDirectorySeparator(folder) ? folder : folder + '\\'), &available, null, null) != 0 ? (long)Math.Min(available, long.MaxValue) : null;
    }

    /// <inheritdoc/>
    public long CountAllocatedBytes(string path)
    {
        using SafeFileHandle file = OpenAttributes(path);
        FileStandardInformation information;
        return !file.IsInvalid && GetFileInformationByHandleEx(file, StandardInformation, &information, (uint)sizeof(FileStandardInformation)) != 0
            ? information.AllocatedBytes
            : 0;
    }

    /// <inheritdoc/>
    public void Flush(SafeFileHandle file, string path) => RandomAccess.FlushToDisk(file);

    /// <summary>Does nothing: Windows logs the names of files.</summary>
    public void FlushFolder(string path)
    {
    }

    /// <inheritdoc/>
    public void TryReplacing(string path)
    {
        if (new FileInfo(path).IsReadOnly)
            throw new IOException($"'{path}' is read-only, so it cannot be replaced.");
        new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.None, bufferSize: 0).Dispose();
    }

    /// <inheritdoc/>
    public bool IsInUse(Exception exception) =>
        exception is IOException or UnauthorizedAccessException && exception.HResult is AccessDenied or SharingViolation or LockViolation or UserMappedFile;

    private static bool IsNumber(UInt128 number) => number != 0 && number != UInt128.MaxValue;

    // Without any right to the contents, so that nothing that others do with the file is in the way.
    private static SafeFileHandle OpenAttributes(string path) => CreateFile(
        WindowsPath.Extend(path), 0, FileShare.ReadWrite | FileShare.Delete, 0, FileMode.Open, BackupSemantics, 0);

    [LibraryImport("kernel32", EntryPoint = "CreateFileW", StringMarshalling = StringMarshalling.Utf16)]
    private static partial SafeFileHandle CreateFile(string name, uint access, FileShare share, nint security, FileMode mode, uint flags, nint template);

    [LibraryImport("kernel32")]
    private static partial int GetFileInformationByHandle(SafeFileHandle file, FileInformation* information);

    [LibraryImport("kernel32")]
    private static partial int GetFileInformationByHandleEx(SafeFileHandle file, int kind, void* information, uint length);

    [LibraryImport("kernel32", EntryPoint = "GetDiskFreeSpaceExW", StringMarshalling = StringMarshalling.Utf16)]
    private static partial int GetDiskFreeSpaceEx(string folder, ulong* available, ulong* total, ulong* free);

    /// <summary><c>FILE_ID_INFO</c>, whose number of 16 bytes needs no more than the alignment of the volume's.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct FileIdInformation
    {
        public readonly ulong Volume;
        private readonly ulong _low;
        private readonly ulong _high;

        public UInt128 Number => new(_high, _low);
    }

    /// <summary><c>FILE_STANDARD_INFO</c>.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private readonly struct FileStandardInformation
    {
        public readonly long AllocatedBytes;
        private readonly long _length;
        private readonly uint _links;
        private readonly ushort _flags;
    }

    /// <summary><c>BY_HANDLE_FILE_INFORMATION</c>, whose times are aligned to four bytes.</summary>
    [StructLayout(LayoutKind.Sequential, Pack = 4)]
    private readonly struct FileInformation
    {
        private readonly uint _attributes;
        private readonly ulong _times1;
        private readonly ulong _times2;
        private readonly ulong _times3;
        public readonly uint Volume;
        private readonly uint _lengthHigh;
        private readonly uint _lengthLow;
        private readonly uint _links;
        public readonly uint IndexHigh;
        public readonly uint IndexLow;
    }
}
