using System.Buffers.Binary;
using GgufQuant.IO;

namespace GgufQuant.HuggingFace.Safetensors;

/// <summary>A safetensors file, with its header in memory and its data on disk.</summary>
/// <remarks>May be read from many threads at once.</remarks>
internal sealed class SafetensorsFile : IDisposable
{
    /// <summary>Size of the field before the header, which is the header's length.</summary>
    internal const int LengthBytes = sizeof(ulong);

    // The limit of the safetensors library.
    private const int MaxHeaderBytes = 100_000_000;

    private readonly RandomAccessFile _file;

    private SafetensorsFile(RandomAccessFile file) => _file = file;

    /// <summary>The full path.</summary>
    public string Path => _file.Path;

    /// <summary>Bytes of the file.</summary>
    public long Length => _file.Length;

    /// <summary>The tensors in the order of their data.</summary>
    public IReadOnlyList<SafetensorsTensor> Tensors { get; private set; } = [];

    /// <summary>Opens a file and reads its header.</summary>
    /// <exception cref="ModelFolderException">The file is not valid.</exception>
    /// <exception cref="IOException">The file is missing or cannot be read.</exception>
    public static SafetensorsFile Open(string path) => new SafetensorsFile(new(path)).Parsed();

    /// <summary>Reads bytes as a file of the given name.</summary>
    internal static SafetensorsFile Open(string name, byte[] bytes) => new SafetensorsFile(new(name, bytes)).Parsed();

    /// <inheritdoc cref="RandomAccessFile.ThrowIfChanged"/>
    public void ThrowIfChanged() => _file.ThrowIfChanged();

    /// <summary>Closes the file.</summary>
    public void Dispose() => _file.Dispose();

    /// <summary>Reads a part of a tensor's data.</summary>
    internal void Read(long offset, Span<byte> destination, string tensor)
    {
        if (_file.Read(offset, destination) < destination.Length)
            throw new ModelFolderException(Path, $"tensor '{tensor}' data", offset, "the file has shrunk since it was opened");
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
        _file.Read(0, start);
        LfsPointer.ThrowIfPointer(Path, start);
        if (Length < LengthBytes)
            throw new ModelFolderException(Path, "header length", 0, $"8 bytes are needed, but the file has only {Length}, so it is truncated: download it again");
        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(start);
        if (length > MaxHeaderBytes)
            throw new ModelFolderException(Path, "header length", 0, $"{length} bytes exceed the limit of {MaxHeaderBytes}, so this is not a safetensors file");
        if ((long)length > Length - LengthBytes)
            throw new ModelFolderException(Path, "header length", 0, $"the header takes {length} bytes, but the file has only {Length}, so it is truncated: download it again");
        byte[] header = new byte[length];
        Read(LengthBytes, header, "header");
        return header;
    }
}
