using System.Buffers.Binary;

namespace GgufQuant.HuggingFace.Vocabulary;

/// <summary>Reads the fields of one Protocol Buffers message, in the order of its bytes.</summary>
/// <remarks>A nested message is read by another reader, so the input cannot cause deep recursion.</remarks>
internal ref struct ProtobufReader(ReadOnlySpan<byte> message, int fileOffset, string path)
{
    private const int Varint = 0;
    private const int Fixed64 = 1;
    private const int LengthDelimited = 2;
    private const int Fixed32 = 5;

    private readonly ReadOnlySpan<byte> _message = message;
    private int _position;
    private int _wireType;

    /// <summary>The offset of the next byte from the start of the file.</summary>
    public readonly int FileOffset => fileOffset + _position;

    /// <summary>Reads the next field's number; false at the end of the message.</summary>
    /// <exception cref="ModelFolderException">The bytes are not a field.</exception>
    public bool TryReadField(out int field)
    {
        field = 0;
        if (_position == _message.Length)
            return false;
        ulong tag = ReadVarint();
        field = (int)Math.Min(tag >> 3, int.MaxValue);
        _wireType = (int)(tag & 7);
        if (field == 0)
            throw Wrong("a field's number is 0");
        return true;
    }

    /// <summary>Reads a field's bytes: a string, raw bytes or a message.</summary>
    /// <exception cref="ModelFolderException">The field is of another type or longer than the rest of the message.</exception>
    public ReadOnlySpan<byte> ReadBytes()
    {
        Expect(LengthDelimited);
        ulong length = ReadVarint();
        if (length > (ulong)(_message.Length - _position))
            throw Wrong($"a field of {length} bytes exceeds the {_message.Length - _position} that are left");
        ReadOnlySpan<byte> bytes = _message.Slice(_position, (int)length);
        _position += bytes.Length;
        return bytes;
    }

    /// <exception cref="ModelFolderException">The field is of another type, or cut off.</exception>
    public ulong ReadUInt64()
    {
        Expect(Varint);
        return ReadVarint();
    }

    /// <exception cref="ModelFolderException">The field is of another type, or cut off.</exception>
    public float ReadSingle()
    {
        Expect(Fixed32);
        return BinaryPrimitives.ReadSingleLittleEndian(Take(sizeof(float)));
    }

    /// <exception cref="ModelFolderException">The field is truncated, or of a deprecated type.</exception>
    public void Skip()
    {
        switch (_wireType)
        {
            case Varint:
                ReadVarint();
                break;
            case Fixed64:
                Take(sizeof(ulong));
                break;
            case LengthDelimited:
                ReadBytes();
                break;
            case Fixed32:
                Take(sizeof(uint));
                break;
            default:
                throw Wrong($"a field has the wire type {_wireType}");
        }
    }

    private readonly void Expect(int wireType)
    {
        if (_wireType != wireType)
            throw Wrong($"a field has the wire type {_wireType}, not {wireType}");
    }

    private ulong ReadVarint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte part = Take(1)[0];
            value |= (ulong)(part & 0x7F) << shift;
            if (part < 0x80)
                return value;
        }
        throw Wrong("a number has more than ten bytes");
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > _message.Length - _position)
            throw Wrong("a field is cut off");
        _position += count;
        return _message.Slice(_position - count, count);
    }

    private readonly ModelFolderException Wrong(string problem) => new(path, "SentencePiece model", FileOffset, problem);
}
