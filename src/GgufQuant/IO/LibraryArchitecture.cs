using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace GgufQuant.IO;

/// <summary>What processors a native library is for, by its header.</summary>
internal static class LibraryArchitecture
{
    private const int HeaderBytes = 1024;

    /// <summary>The architecture of an ELF, PE or Mach-O library for one of 64 bits; null for any other file, and for one that cannot be read.</summary>
    public static Architecture? Of(string path)
    {
        try
        {
            Span<byte> header = stackalloc byte[HeaderBytes];
            using FileStream stream = RegularFile.OpenStream(path);
            return Of(header[..stream.ReadAtLeast(header, HeaderBytes, throwOnEndOfStream: false)]);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static Architecture? Of(ReadOnlySpan<byte> header)
    {
        const byte ElfClass64 = 2;
        const int PeOffset = 0x3C;
        if (header.StartsWith("\u007FELF"u8) && header.Length >= 20 && header[4] == ElfClass64)
        {
            return BinaryPrimitives.ReadUInt16LittleEndian(header[18..]) switch
            {
                62 => Architecture.X64,
                183 => Architecture.Arm64,
                _ => null,
            };
        }
        if (header.StartsWith("MZ"u8) && header.Length >= PeOffset + sizeof(uint))
        {
            uint start = BinaryPrimitives.ReadUInt32LittleEndian(header[PeOffset..]);
            if (start > header.Length - 6 || !header[(int)start..].StartsWith("PE\0\0"u8))
                return null;
            return BinaryPrimitives.ReadUInt16LittleEndian(header[((int)start + 4)..]) switch
            {
                0x8664 => Architecture.X64,
                0xAA64 => Architecture.Arm64,
                _ => null,
            };
        }
        if (header.StartsWith((ReadOnlySpan<byte>)[0xCF, 0xFA, 0xED, 0xFE]) && header.Length >= 8)
        {
            return BinaryPrimitives.ReadUInt32LittleEndian(header[4..]) switch
            {
                0x01000007 => Architecture.X64,
                0x0100000C => Architecture.Arm64,
                _ => null,
            };
        }
        return null;
    }
}
