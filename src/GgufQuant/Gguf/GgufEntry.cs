namespace GgufQuant.Gguf;

/// <summary>One metadata key of a file and its value, which is read on demand.</summary>
public sealed class GgufEntry
{
    // Long values (mostly vocabularies) stay in the file until they are read.
    internal const int KeptBytes = 16 * 1024;

    private readonly GgufSource? _source;
    private readonly bool _isBigEndian;
    private readonly byte[]? _encoded;

    private GgufEntry(string key, object value)
    {
        Key = key;
        (Type, ElementType, Count, _encoded) = GgufValue.Encode(value);
        EncodedLength = _encoded.Length;
        FileOffset = -1;
    }

    internal GgufEntry(
        string key, GgufValueType type, GgufValueType? elementType, long count,
        GgufSource source, long fileOffset, long encodedLength, bool isBigEndian, byte[]? encoded)
    {
        Key = key;
        Type = type;
        ElementType = elementType;
        Count = count;
        FileOffset = fileOffset;
        EncodedLength = encodedLength;
        _source = source;
        _isBigEndian = isBigEndian;
        _encoded = encoded;
        if (encoded is not null)
            Normalize(encoded);
    }

    /// <summary>The key, such as <c>general.architecture</c>.</summary>
    public string Key { get; }

    /// <summary>The value's type.</summary>
    public GgufValueType Type { get; }

    /// <summary>The element type of an array; null unless <see cref="Type"/> is <see cref="GgufValueType.Array"/>.</summary>
    public GgufValueType? ElementType { get; }

    /// <summary>Number of elements in an array; 1 for any other value.</summary>
    public long Count { get; }

    /// <summary>Bytes the value takes in a file, without the key and the type.</summary>
    public long EncodedLength { get; }

    /// <summary>Where the value starts in its file; -1 for an entry that was not read from a file.</summary>
    public long FileOffset { get; }

    /// <summary>
    /// The value: a number, <see cref="bool"/>, <see cref="string"/>, or an array of one of these.
    /// Every call returns a new array. Bytes of a string that are not UTF-8 read as U+FFFD.
    /// </summary>
    /// <exception cref="ObjectDisposedException">The value is long and its file has been closed.</exception>
    /// <exception cref="GgufFormatException">The file has changed since it was opened.</exception>
    public object Value
    {
        get
        {
            try
            {
                return GgufValue.Decode(GetEncodedValue().Span, Type);
            }
            catch (Exception exception) when (exception is ArgumentOutOfRangeException or IndexOutOfRangeException)
            {
                throw Changed();
            }
        }
    }

    /// <summary>An entry to be written. Its GGUF type follows from the value's .NET type: every number type that GGUF has,
    /// <see cref="bool"/>, <see cref="string"/> and arrays of these.</summary>
    /// <exception cref="ArgumentException">The key is empty or too long, or GGUF has no type for the value.</exception>
    public static GgufEntry Create(string key, object value)
    {
        ArgumentNullException.ThrowIfNull(key);
        ArgumentNullException.ThrowIfNull(value);
        if (key.Length == 0)
            throw new ArgumentException("A metadata key cannot be empty.");
        if (System.Text.Encoding.UTF8.GetByteCount(key) > GgufHeaderReader.MaxKeyBytes || key.Contains('\0'))
            throw new ArgumentException($"The key '{key}' is longer than {GgufHeaderReader.MaxKeyBytes} bytes or contains a zero byte.");
        return new GgufEntry(key, value);
    }

    /// <summary>The value as a little-endian version 3 file encodes it, without the key and the type.</summary>
    /// <exception cref="ObjectDisposedException">The value is long and its file has been closed.</exception>
    /// <exception cref="GgufFormatException">The file has changed, or the value exceeds 2 GiB.</exception>
    public ReadOnlyMemory<byte> GetEncodedValue()
    {
        if (_encoded is not null)
            return _encoded;
        if (EncodedLength > Array.MaxLength)
            throw new GgufFormatException(_source!.Path, $"metadata '{Key}'", FileOffset, $"the value takes {EncodedLength} bytes, more than fits in memory");
        byte[] encoded = new byte[EncodedLength];
        if (_source!.Read(FileOffset, encoded) < encoded.Length)
            throw Changed();
        Normalize(encoded);
        return encoded;
    }

    /// <summary>The key and its type, such as <c>general.alignment (UInt32)</c>.</summary>
    public override string ToString() => ElementType is null ? $"{Key} ({Type})" : $"{Key} ({ElementType}[{Count}])";

    private void Normalize(byte[] encoded)
    {
        try
        {
            GgufValue.Normalize(encoded, Type, _isBigEndian);
        }
        catch (ArgumentOutOfRangeException)
        {
            throw Changed();
        }
    }

    private GgufFormatException Changed() =>
        new(_source?.Path ?? "", $"metadata '{Key}' value", FileOffset, "the file has changed since it was opened");
}
