using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Text;
using GgufQuant.Formats;

namespace GgufQuant.Gguf;

/// <summary>Reads the header of one file and trusts none of it: whatever ggml rejects is rejected here too, with a reason.</summary>
internal sealed class GgufHeaderReader
{
    public const string MagicField = "header magic";
    public const int MaxKeyBytes = 65535;
    public const int MaxNameBytes = 63;
    public const int MaxDimensions = 4;

    private const int MagicBytes = sizeof(ulong) + 1;

    // More than any tool writes; without a limit a skipped tensor could be anything.
    private const int MaxSkippedDimensions = 64;

    // Where the data of a truncated file may end at most, so that sums over all shards fit into 63 bits.
    private const long MaxMissingBytes = 1L << 42;

    private const long MaxArrayElements = 1 << 30;

    // Of a real model megabytes; a sparse file of terabytes could keep a reader busy for hours.
    private const long MaxMetadataBytes = 1L << 31;

    // The smallest an entry and a tensor can be; with the file's length they bound the counts.
    private const int MinEntryBytes = sizeof(ulong) + 1 + sizeof(uint) + 1;
    private const int MinTensorBytes = sizeof(ulong) + sizeof(uint) + sizeof(uint) + sizeof(ulong);

    private readonly GgufSource _source;
    private readonly GgufCursor _cursor;
    private readonly int _shard;
    private readonly bool _isTolerant;
    private GgufFormatException? _fault;
    private int _faults;

    private GgufHeaderReader(GgufSource source, int shard, bool isTolerant, CancellationToken token)
    {
        _source = source;
        _shard = shard;
        _isTolerant = isTolerant;
        _cursor = new GgufCursor(source, token);
    }

    /// <summary>Reads a header.</summary>
    /// <param name="source">The file.</param>
    /// <param name="shard">The tensors' <see cref="GgufTensor.Shard"/>.</param>
    /// <param name="isTolerant">Whether a tensor that ggml would reject is left out, and one whose data is missing kept, with the header's fault saying so.</param>
    /// <param name="token">Stops it.</param>
    /// <exception cref="GgufFormatException">A field is invalid.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static GgufHeader Read(GgufSource source, int shard = 0, bool isTolerant = false, CancellationToken token = default) =>
        new GgufHeaderReader(source, shard, isTolerant, token).Read();

    private GgufHeader Read()
    {
        ReadMagic();
        uint version = ReadVersion();
        int tensorCount = ReadCount("tensor count", MinTensorBytes);
        int entryCount = ReadCount("metadata count", MinEntryBytes);
        GgufMetadata metadata = ReadMetadata(entryCount);
        int alignment = ReadAlignment(metadata);
        IReadOnlyList<GgufTensor> tensors = ReadTensors(tensorCount, alignment, out long dataOffset);
        return new GgufHeader(version, _cursor.IsBigEndian, alignment, metadata, tensors, dataOffset)
        {
            Fault = Fault,
            IsAlone = tensors.Count == tensorCount && _source.Length <= dataOffset,
        };
    }

    private GgufFormatException? Fault => _faults > 1
        ? new(_fault!.FilePath, _fault.Field, _fault.Offset, $"{_fault.Problem}; {_faults - 1} {(_faults == 2 ? "other tensor is" : "other tensors are")} faulty too")
        : _fault;

    private void ReadMagic()
    {
        if (_source.Length == 0)
            _cursor.Fail("magic", 0, "the file is empty");
        ReadOnlySpan<byte> start = _cursor.Take((int)Math.Min(MagicBytes, _source.Length), "magic");
        ReadOnlySpan<byte> magic = start[..Math.Min(sizeof(uint), start.Length)];
        _cursor.Position = magic.Length;
        if (magic.SequenceEqual("GGUF"u8))
            return;
        string hint = magic switch
        {
            _ when magic.SequenceEqual("vers"u8) => "it looks like a Git LFS pointer, so fetch the real file with 'git lfs pull'",
            _ when magic.StartsWith("PK"u8) => "it looks like a PyTorch or zip file, so convert the model to GGUF first",
            // A pickle starts with its protocol's number.
            [0x80, >= 2 and <= 5, ..] => "it looks like a PyTorch file (pickle), so convert the model to GGUF first",
            [0x1F, 0x8B, ..] => "it looks like a gzip archive, so unpack it first",
            [0x28, 0xB5, 0x2F, 0xFD] => "it looks like a Zstandard archive, so unpack it first",
            _ when IsSafetensors(start) => "it looks like a safetensors file, so give the folder with its config.json to ConvertTo-Gguf",
            _ when magic.SequenceEqual("ggjt"u8) || magic.SequenceEqual("tjgg"u8) || magic.SequenceEqual("lmgg"u8) || magic.SequenceEqual("fmgg"u8)
                => "it is in a format older than GGUF, so download the model again in GGUF",
            _ when magic.StartsWith("<"u8) => "it looks like a web page, so the download failed",
            _ => "this is not a GGUF file",
        };
        _cursor.Fail("magic", 0, $"the first bytes are '{Printable(magic)}', not 'GGUF'; {hint}");
    }

    // The length of a header in JSON, and the header.
    private bool IsSafetensors(ReadOnlySpan<byte> start) =>
        start.Length > sizeof(ulong) && start[sizeof(ulong)] == '{' && BinaryPrimitives.ReadUInt64LittleEndian(start) < (ulong)_source.Length;

    private uint ReadVersion()
    {
        long start = _cursor.Position;
        uint version = _cursor.ReadUInt32("version");
        if (version != 0 && (version & 0xFFFF) == 0)
        {
            _cursor.IsBigEndian = true;
            version = BinaryPrimitives.ReverseEndianness(version);
        }
        if (version is not (2 or 3))
            _cursor.Fail("version", start, $"version {version} is not supported (only 2 and 3 are); convert the model again with a current tool");
        return version;
    }

    private int ReadCount(string part, int minBytesEach)
    {
        long start = _cursor.Position;
        ulong count = _cursor.ReadUInt64(part);
        ulong most = (ulong)Math.Min(_cursor.Remaining / minBytesEach, int.MaxValue);
        if (count > most)
            _cursor.Fail(part, start, $"the file claims {count}, but its remaining {_cursor.Remaining} bytes hold at most {most}");
        return (int)count;
    }

    private GgufMetadata ReadMetadata(int count)
    {
        GgufMetadata metadata = new();
        for (int i = 0; i < count; i++)
        {
            _cursor.Enter("metadata", i);
            long start = _cursor.Position;
            string key = _cursor.ReadString(MaxKeyBytes, "key");
            if (key.Length == 0)
                _cursor.Fail("key", start, "the key is empty");
            _cursor.Enter("metadata", i, key);
            if (!metadata.TryAdd(ReadEntry(key)))
                _cursor.Fail("key", start, "the key occurs twice");
        }
        return metadata;
    }

    private GgufEntry ReadEntry(string key)
    {
        GgufValueType type = ReadValueType("type");
        GgufValueType? elementType = null;
        long count = 1;
        long start = _cursor.Position;
        switch (type)
        {
            case GgufValueType.Array:
                elementType = ReadValueType("element type");
                count = SkipElements(elementType.Value);
                break;
            case GgufValueType.String:
                _cursor.SkipStrings(1, MaxMetadataBytes);
                break;
            default:
                _cursor.Skip((ulong)GgufValueTypes.SizeOf(type), "value");
                break;
        }

        long length = _cursor.Position - start;
        byte[]? kept = null;
        if (length <= GgufEntry.KeptBytes)
        {
            _cursor.Position = start;
            kept = _cursor.Take((int)length, "value").ToArray();
        }
        return new GgufEntry(key, type, elementType, count, _source, start, length, _cursor.IsBigEndian, kept);
    }

    private GgufValueType ReadValueType(string part)
    {
        long start = _cursor.Position;
        uint type = _cursor.ReadUInt32(part);
        if (!GgufValueTypes.IsKnown(type))
            _cursor.Fail(part, start, $"{type} is not a value type (0 to {(uint)GgufValueType.Float64})");
        return (GgufValueType)type;
    }

    private long SkipElements(GgufValueType elementType)
    {
        if (elementType == GgufValueType.Array)
            _cursor.Fail("element type", _cursor.Position - sizeof(uint), "nested arrays are not supported, here or in llama.cpp");
        long start = _cursor.Position;
        ulong count = _cursor.ReadUInt64("length");
        if (count > (ulong)MaxArrayElements)
            _cursor.Fail("length", start, $"{count} elements exceed the limit of {MaxArrayElements}");
        int size = GgufValueTypes.SizeOf(elementType);
        ulong least = count * (ulong)(size == 0 ? sizeof(ulong) : size);
        if (least > (ulong)_cursor.Remaining)
            _cursor.Fail("length", start, $"{count} elements need at least {least} bytes, but {_cursor.Remaining} are left");
        if (least > (ulong)MaxMetadataBytes - (ulong)Math.Min(_cursor.Position, MaxMetadataBytes))
            _cursor.Fail("length", start, $"{count} elements exceed the {MaxMetadataBytes} bytes that metadata may take");
        if (size == 0)
            _cursor.SkipStrings((long)count, MaxMetadataBytes);
        else
            _cursor.Skip(least, "elements");
        return (long)count;
    }

    private int ReadAlignment(GgufMetadata metadata)
    {
        if (metadata.Find(GgufKeys.Alignment) is not { } entry)
            return GgufAlignment.Default;
        _cursor.Enter("metadata", name: entry.Key);
        if (entry.Type != GgufValueType.UInt32)
            _cursor.Fail("type", entry.FileOffset, $"the alignment must be a UInt32, not a {entry.Type}");
        uint alignment = (uint)entry.Value;
        if (!GgufAlignment.IsValid(alignment))
            _cursor.Fail("value", entry.FileOffset, $"the alignment {alignment} is not a power of two from 1 to {GgufAlignment.Max}");
        return (int)alignment;
    }

    private IReadOnlyList<GgufTensor> ReadTensors(int count, int alignment, out long dataOffset)
    {
        List<PendingTensor> pending = [];
        HashSet<string> names = new(StringComparer.Ordinal);
        long? expected = 0;
        for (int i = 0; i < count; i++)
        {
            long start = _cursor.Position;
            PendingTensor tensor;
            long byteCount;
            try
            {
                tensor = ReadTensor(i, names, expected, alignment, out byteCount);
            }
            catch (GgufFormatException fault) when (_isTolerant)
            {
                SkipTensor(start, fault);
                expected = null;
                continue;
            }
            pending.Add(tensor);

            // The data cannot be longer than this, so the sum cannot overflow either.
            if (byteCount > DataLimit - tensor.Offset)
                FailCutOff(tensor.OffsetField, tensor.Offset, byteCount);
            expected = GgufAlignment.Align(tensor.Offset + byteCount, alignment);
        }

        // ggml does not pad the header of a file without tensors.
        dataOffset = count == 0 ? _cursor.Position : GgufAlignment.Align(_cursor.Position, alignment);
        List<GgufTensor> tensors = new(pending.Count);
        for (int i = 0; i < pending.Count; i++)
        {
            PendingTensor info = pending[i];
            GgufTensor tensor = new(info.Name, info.Format, info.Shape, _shard, info.Offset, dataOffset);
            if (tensor.ByteCount > _source.Length - tensor.FileOffset)
                ReportCutOff(tensor, i, info.OffsetField);
            tensors.Add(tensor);
        }
        return tensors;
    }

    private long DataLimit => _isTolerant ? Math.Max(_source.Length, MaxMissingBytes) : _source.Length;

    private void ReportCutOff(GgufTensor tensor, int index, long field)
    {
        _cursor.Enter("tensors", index, tensor.Name);
        try
        {
            FailCutOff(field, tensor.FileOffset, tensor.ByteCount);
        }
        catch (GgufFormatException fault) when (_isTolerant)
        {
            Add(fault);
        }
    }

    private void Add(GgufFormatException fault)
    {
        _fault ??= fault;
        _faults++;
    }

    // Where its data ends is not known, so the next tensor's offset counts as it is.
    private void SkipTensor(long start, GgufFormatException fault)
    {
        Add(fault);
        try
        {
            _cursor.Position = start;
            _ = _cursor.ReadString(MaxKeyBytes, "name");
            uint dimensions = _cursor.ReadUInt32("dimension count");
            if (dimensions > MaxSkippedDimensions)
                throw fault;
            _cursor.Skip((dimensions * sizeof(ulong)) + sizeof(uint) + sizeof(ulong), "dimensions");
        }
        catch (GgufFormatException)
        {
            throw fault;
        }
    }

    private PendingTensor ReadTensor(int index, HashSet<string> names, long? expectedOffset, int alignment, out long byteCount)
    {
        _cursor.Enter("tensors", index);
        long start = _cursor.Position;
        string name = _cursor.ReadString(MaxNameBytes, "name");
        if (!names.Add(name))
            _cursor.Fail("name", start, $"the name '{name}' occurs twice");
        _cursor.Enter("tensors", index, name);

        ImmutableArray<long> shape = ReadShape();
        start = _cursor.Position;
        BlockFormat format = ReadFormat();
        if (shape[0] % format.BlockSize != 0)
            _cursor.Fail("type", start, $"rows of {shape[0]} weights are not whole blocks of {format.BlockSize}, which {format} needs");
        if (_cursor.IsBigEndian && !format.Layout.HasBigEndianForm)
            _cursor.Fail("type", start, $"{format} has no defined big-endian layout");
        byteCount = CountBytes(shape, format, start);

        start = _cursor.Position;
        ulong offset = _cursor.ReadUInt64("offset");
        if (expectedOffset is null && (offset > (ulong)DataLimit || offset % (ulong)alignment != 0))
            _cursor.Fail("offset", start, $"offset {offset} is not within the file, or not a multiple of the alignment");
        if (expectedOffset is { } expected && offset != (ulong)expected)
        {
            string relation = offset < (ulong)expected ? "overlaps the data before it" : "leaves a gap";
            _cursor.Fail("offset", start, $"offset {offset} {relation}: llama.cpp requires {expected}, the end of the previous tensor padded to the alignment");
        }
        return new PendingTensor(name, format, shape, (long)offset, start);
    }

    private ImmutableArray<long> ReadShape()
    {
        long start = _cursor.Position;
        uint count = _cursor.ReadUInt32("dimension count");
        if (count > MaxDimensions)
            _cursor.Fail("dimension count", start, $"{count} dimensions exceed the limit of {MaxDimensions}");
        // To ggml, a tensor without dimensions is one weight.
        if (count == 0)
            return [1];
        long[] shape = new long[count];
        for (int i = 0; i < shape.Length; i++)
        {
            start = _cursor.Position;
            ulong dimension = _cursor.ReadUInt64("dimension");
            if (dimension > long.MaxValue)
                _cursor.Fail($"dimension {i}", start, $"{(long)dimension} is negative");
            shape[i] = (long)dimension;
        }
        return ImmutableArray.Create(shape);
    }

    private BlockFormat ReadFormat()
    {
        long start = _cursor.Position;
        uint type = _cursor.ReadUInt32("type");
        if (!BlockFormat.TryGet((GgmlType)type, out BlockFormat? format))
            FailType(type, start);
        return format;
    }

    [DoesNotReturn]
    private void FailType(uint type, long start)
    {
        string problem = type is 4 or 5 or (>= 31 and <= 33) or (>= 36 and <= 38)
            ? $"type {type} has been removed from ggml, so convert the original model again"
            : $"ggml has no type {type}: the file is damaged, or needs a newer llama.cpp than v0.5.0";
        _cursor.Fail("type", start, problem);
    }

    private long CountBytes(ImmutableArray<long> shape, BlockFormat format, long start)
    {
        try
        {
            return format.ByteCount(GgufTensor.CountElements(shape));
        }
        catch (OverflowException)
        {
            _cursor.Fail("shape", start, $"[{string.Join(", ", shape)}] weights are more than a file can hold");
            return 0;
        }
    }

    [DoesNotReturn]
    private void FailCutOff(long field, long offset, long byteCount) =>
        _cursor.Fail("data", field, $"its {byteCount} bytes at byte {offset} extend beyond the file's {_source.Length} bytes, so the file is truncated: download it again");

    private static string Printable(ReadOnlySpan<byte> bytes)
    {
        StringBuilder text = new();
        foreach (byte value in bytes)
            text.Append(value is > 0x1F and < 0x7F ? (char)value : '?');
        return text.ToString();
    }

    private readonly record struct PendingTensor(
        string Name, BlockFormat Format, ImmutableArray<long> Shape, long Offset, long OffsetField);
}
