using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;
using GgufQuant.Formats;

namespace GgufQuant.Gguf;

/// <summary>Lays out a version 3 file and writes its header; the caller writes the tensor data.</summary>
/// <remarks>
/// The bytes are those ggml writes for the same content: little-endian, tensors in the order given, the data of each,
/// the last included, padded with zeros to the alignment, and trailing dimensions of 1 left out of shapes.
/// </remarks>
public sealed class GgufWriter
{
    private const uint Version = 3;
    private const int FixedBytes = 4 + sizeof(uint) + sizeof(ulong) + sizeof(ulong);

    /// <summary>Computes the layout. <c>general.alignment</c> is honoured; without it the alignment is 32.</summary>
    /// <exception cref="ArgumentException">A key or a name is given twice or is too long, a shape does not suit its
    /// type, or the alignment is not a power of two given as a <see cref="uint"/>.</exception>
    public GgufWriter(IEnumerable<GgufEntry> metadata, IEnumerable<GgufTensorInfo> tensors)
        : this(metadata, tensors, keepsTrailingOnes: false)
    {
    }

    /// <summary>Computes the layout as gguf-py does, which keeps shapes as they are and ends a file without tensors unpadded.</summary>
    internal GgufWriter(IEnumerable<GgufEntry> metadata, IEnumerable<GgufTensorInfo> tensors, bool keepsTrailingOnes, bool padsHeader = true)
    {
        ArgumentNullException.ThrowIfNull(tensors);
        Metadata = new GgufMetadata(metadata);
        Alignment = AlignmentOf(Metadata);

        List<(GgufTensorInfo Info, ImmutableArray<long> Shape, BlockFormat Format, long Offset)> layout = [];
        HashSet<string> names = new(StringComparer.Ordinal);
        long headerBytes = FixedBytes + Metadata.Sum(EntryBytes);
        long dataBytes = 0;
        foreach (GgufTensorInfo info in tensors)
        {
            Check(info, names);
            BlockFormat format = BlockFormat.Of(info.Type);
            ImmutableArray<long> shape = keepsTrailingOnes ? info.Shape : WithoutTrailingOnes(info.Shape);
            layout.Add((info, shape, format, dataBytes));
            headerBytes += TensorBytes(info.Name, shape.Length);
            dataBytes = GgufAlignment.Align(checked(dataBytes + format.ByteCount(GgufTensor.CountElements(shape))), Alignment);
        }

        DataOffset = padsHeader ? GgufAlignment.Align(headerBytes, Alignment) : headerBytes;
        Length = checked(DataOffset + dataBytes);
        Tensors = [.. layout.Select(tensor => new GgufTensor(tensor.Info.Name, tensor.Format, tensor.Shape, 0, tensor.Offset, DataOffset))];
    }

    /// <summary>The metadata, in the order written.</summary>
    public GgufMetadata Metadata { get; }

    /// <summary>The tensors with the offsets their data must be written at.</summary>
    public IReadOnlyList<GgufTensor> Tensors { get; }

    /// <summary>Alignment of every tensor's data, in bytes.</summary>
    public int Alignment { get; }

    /// <summary>Bytes of the padded header: where tensor data starts.</summary>
    public long DataOffset { get; }

    /// <summary>Bytes of the whole file, including the padding after the last tensor.</summary>
    public long Length { get; }

    /// <summary>Zeros that follow a tensor's data.</summary>
    public int PaddingAfter(GgufTensor tensor)
    {
        ArgumentNullException.ThrowIfNull(tensor);
        return (int)(GgufAlignment.Align(tensor.ByteCount, Alignment) - tensor.ByteCount);
    }

    /// <summary>Writes the header and its padding: <see cref="DataOffset"/> bytes.</summary>
    /// <exception cref="IOException">The stream cannot be written, or a long value's source cannot be read.</exception>
    public void WriteHeader(Stream stream)
    {
        ArgumentNullException.ThrowIfNull(stream);
        stream.Write("GGUF"u8);
        Write(stream, Version);
        Write(stream, (ulong)Tensors.Count);
        Write(stream, (ulong)Metadata.Count);
        foreach (GgufEntry entry in Metadata)
        {
            Write(stream, entry.Key);
            Write(stream, (uint)entry.Type);
            stream.Write(entry.GetEncodedValue().Span);
        }

        long written = FixedBytes + Metadata.Sum(EntryBytes);
        foreach (GgufTensor tensor in Tensors)
        {
            Write(stream, tensor.Name);
            Write(stream, (uint)tensor.Shape.Length);
            foreach (long dimension in tensor.Shape)
                Write(stream, (ulong)dimension);
            Write(stream, (uint)tensor.Type);
            Write(stream, (ulong)tensor.Offset);
            written += TensorBytes(tensor.Name, tensor.Shape.Length);
        }
        WriteZeros(stream, DataOffset - written);
    }

    // An alignment of gigabytes is allowed, and so is padding of that size.
    private static void WriteZeros(Stream stream, long count)
    {
        byte[] zeros = new byte[(int)Math.Min(count, 1 << 16)];
        for (; count > 0; count -= zeros.Length)
            stream.Write(zeros, 0, (int)Math.Min(count, zeros.Length));
    }

    private static int AlignmentOf(GgufMetadata metadata)
    {
        if (metadata.Find(GgufKeys.Alignment) is not { } entry)
            return GgufAlignment.Default;
        if (entry.Value is uint alignment && GgufAlignment.IsValid(alignment))
            return (int)alignment;
        throw new ArgumentException($"'{GgufKeys.Alignment}' must be a UInt32 and a power of two from 1 to {GgufAlignment.Max}, not '{entry.Value}' ({entry.Type}).");
    }

    private static void Check(GgufTensorInfo info, HashSet<string> names)
    {
        if (Encoding.UTF8.GetByteCount(info.Name) > GgufHeaderReader.MaxNameBytes || info.Name.Contains('\0'))
            throw new ArgumentException($"The tensor name '{info.Name}' is longer than {GgufHeaderReader.MaxNameBytes} bytes or contains a zero byte.");
        if (!names.Add(info.Name))
            throw new ArgumentException($"The tensor name '{info.Name}' is given twice.");
        if (info.Shape.Length is 0 or > GgufHeaderReader.MaxDimensions || info.Shape.Any(dimension => dimension < 0))
            throw new ArgumentException($"The shape [{string.Join(", ", info.Shape)}] of '{info.Name}' is not one to {GgufHeaderReader.MaxDimensions} dimensions.");
        BlockFormat format = BlockFormat.Of(info.Type);
        if (info.Shape[0] % format.BlockSize != 0)
            throw new ArgumentException($"'{info.Name}' has rows of {info.Shape[0]} weights, which are not whole blocks of {format.BlockSize} as {format} needs.");
    }

    private static ImmutableArray<long> WithoutTrailingOnes(ImmutableArray<long> shape)
    {
        int count = shape.Length;
        while (count > 1 && shape[count - 1] == 1)
            count--;
        return shape[..count];
    }

    private static long EntryBytes(GgufEntry entry) =>
        sizeof(ulong) + Encoding.UTF8.GetByteCount(entry.Key) + sizeof(uint) + entry.EncodedLength;

    private static long TensorBytes(string name, int dimensions) =>
        sizeof(ulong) + Encoding.UTF8.GetByteCount(name) + sizeof(uint) + (dimensions * sizeof(ulong)) + sizeof(uint) + sizeof(ulong);

    private static void Write(Stream stream, string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        Write(stream, (ulong)bytes.Length);
        stream.Write(bytes);
    }

    private static void Write(Stream stream, uint value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(uint)];
        BinaryPrimitives.WriteUInt32LittleEndian(bytes, value);
        stream.Write(bytes);
    }

    private static void Write(Stream stream, ulong value)
    {
        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        stream.Write(bytes);
    }
}
