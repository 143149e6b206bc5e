using System.Buffers.Binary;
using GgufQuant.IO;
using Microsoft.Win32.SafeHandles;

namespace GgufQuant.HuggingFace.Safetensors;

/// <summary>A file in the safetensors format: its header in memory, its data on disk.</summary>
/// <remarks>May be read from many threads at once.</remarks>
internal sealed class SafetensorsFile : IDisposable
{
    /// <summary>Bytes in front of the header: its length.</summary>
    internal const int LengthBytes = sizeof(ulong);

    // The limit of the safetensors library.
    private const int MaxHeaderBytes = 100_000_000;

    private readonly SafeFileHandle? _handle;
    private readonly byte[] _bytes = [];
    private readonly DateTime _lastWrite;

    private SafetensorsFile(string path, SafeFileHandle handle)
    {
        Path = path;
        _handle = handle;
        Length = RandomAccess.GetLength(handle);
        _lastWrite = File.GetLastWriteTimeUtc(handle);
    }

    private SafetensorsFile(string path, byte[] bytes)
    {
        Path = path;
        _bytes = bytes;
        Length = bytes.Length;
    }

    /// <summary>The full path.</summary>
    public string Path { get; }

    /// <summary>Bytes of the file.</summary>
    public long Length { get; }

    /// <summary>The tensors in the order of their data.</summary>
    public IReadOnlyList<SafetensorsTensor> Tensors { get; private set; } = [];

    /// <summary>Opens a file and reads its header.</summary>
    /// <exception cref="ModelFolderException">The file is not what it should be.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static SafetensorsFile Open(string path)
    {
        // Opening a pipe would block until something writes to it.
        if (PosixFile.IsSpecial(path))
            throw new IOException($"'{path}' is a pipe or a device, not a file of weights.");
        return new SafetensorsFile(path, File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete)).Parsed();
    }

    /// <summary>Takes bytes as a file of the given name.</summary>
    internal static SafetensorsFile Open(string name, byte[] bytes) => new SafetensorsFile(name, bytes).Parsed();

    /// <summary>Checks that the file is as it was opened, by its length and the time of its last change.</summary>
    /// <exception cref="IOException">It is not.</exception>
    public void ThrowIfChanged()
    {
        if (_handle is not null && (RandomAccess.GetLength(_handle) != Length || File.GetLastWriteTimeUtc(_handle) != _lastWrite))
            throw new IOException($"'{Path}' has changed while it was read, so what was made from it is not kept: try again when nothing writes to it.");
    }

    /// <summary>Closes the file.</summary>
    public void Dispose() => _handle?.Dispose();

    /// <summary>Reads a part of a tensor's data.</summary>
    internal void Read(long offset, Span<byte> destination, string tensor)
    {
        if (ReadUpTo(offset, destination) < destination.Length)
            throw new ModelFolderException(Path, $"tensor '{tensor}' data", offset, "the file has become shorter since it was opened");
    }

    private SafetensorsFile Parsed()
    {
        try
        {
            byte[] header = ReadHeader();
            Tensors = new SafetensorsHeader(this, header).Read();
            return this;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    private byte[] ReadHeader()
    {
        byte[] start = new byte[Math.Min(LfsPointer.Bytes, Length)];
        ReadUpTo(0, start);
        LfsPointer.ThrowIfPointer(Path, start);
        if (Length < LengthBytes)
            throw new ModelFolderException(Path, "header length", 0, $"8 bytes are needed and {Length} are there, so the file is truncated: download it again");
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(start);
        if (length > MaxHeaderBytes)
            throw new ModelFolderException(Path, "header length", 0, $"{length} bytes exceed the limit of {MaxHeaderBytes}, so this is not a safetensors file");
        if ((long)length > Length - LengthBytes)
            throw new ModelFolderException(Path, "header length", 0, $"the header has {length} bytes and the file {Length}, so the file is truncated: download it again");
        byte[] header = new byte[length];
        Read(LengthBytes, header, "header");
        return header;
    }

    private int ReadUpTo(long offset, Span<byte> destination)
    {
        if (_handle is null)
        {
            ReadOnlySpan<byte> rest = _bytes.AsSpan((int)Math.Min(offset, Length));
            rest = rest[..Math.Min(rest.Length, destination.Length)];
            rest.CopyTo(destination);
            return rest.Length;
        }
        int total = 0;
        while (total < destination.Length)
        {
            int count = RandomAccess.Read(_handle, destination[total..], offset + total);
            if (count == 0)
                break;
            total += count;
        }
        return total;
    }
}
