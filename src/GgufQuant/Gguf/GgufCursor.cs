using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace GgufQuant.Gguf;

/// <summary>Reads a header front to back through a small window, never past the file's end.</summary>
/// <remarks>Every failure names the field given to <see cref="Enter"/> and the part being read.</remarks>
internal sealed class GgufCursor
{
    private const int WindowBytes = 256 * 1024;
    private const int MaxStringBytes = 1 << 30;

    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly GgufSource _source;
    private readonly CancellationToken _token;
    private readonly byte[] _window;
    private long _windowStart;
    private int _windowLength;
    private string _section = "header";
    private long _index = -1;
    private string? _name;

    public GgufCursor(GgufSource source, CancellationToken token = default)
    {
        _source = source;
        _token = token;
        if (source.Bytes.Length > 0)
        {
            _window = source.Bytes;
            _windowLength = _window.Length;
        }
        else
        {
            _window = new byte[Math.Min(WindowBytes, source.Length)];
        }
    }

    public long Position { get; set; }

    public long Remaining => _source.Length - Position;

    public bool IsBigEndian { get; set; }

    /// <summary>Sets the field that the next parts belong to.</summary>
    public void Enter(string section, long index = -1, string? name = null)
    {
        _section = section;
        _index = index;
        _name = name;
    }

    [DoesNotReturn]
    public void Fail(string part, long offset, string problem)
    {
        string index = _index < 0 ? "" : $"[{_index}]";
        string name = _name is null ? "" : $" '{_name}'";
        throw new GgufFormatException(_source.Path, $"{_section}{index}{name} {part}", offset, problem);
    }

    /// <summary>The next bytes, valid until the next call; at most the window's size.</summary>
    public ReadOnlySpan<byte> Take(int count, string part)
    {
        Need(count, part);
        if (Position < _windowStart || Position + count > _windowStart + _windowLength)
            Fill(count, part);
        ReadOnlySpan<byte> bytes = _window.AsSpan((int)(Position - _windowStart), count);
        Position += count;
        return bytes;
    }

    public uint ReadUInt32(string part)
    {
        ReadOnlySpan<byte> bytes = Take(sizeof(uint), part);
        return IsBigEndian ? BinaryPrimitives.ReadUInt32BigEndian(bytes) : BinaryPrimitives.ReadUInt32LittleEndian(bytes);
    }

    public ulong ReadUInt64(string part)
    {
        ReadOnlySpan<byte> bytes = Take(sizeof(ulong), part);
        return IsBigEndian ? BinaryPrimitives.ReadUInt64BigEndian(bytes) : BinaryPrimitives.ReadUInt64LittleEndian(bytes);
    }

    /// <summary>Reads a short string that must be valid UTF-8 without NUL.</summary>
    public string ReadString(int maxLength, string part)
    {
        long start = Position;
        ulong length = ReadUInt64($"{part} length");
        if (length > (ulong)maxLength)
            Fail($"{part} length", start, $"{length} bytes exceed the limit of {maxLength}");
        ReadOnlySpan<byte> bytes = Take((int)length, part);
        if (bytes.Contains((byte)0))
            Fail(part, start + sizeof(ulong), "it contains a zero byte");
        try
        {
            return s_strictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            Fail(part, start + sizeof(ulong), "it is not valid UTF-8");
            return "";
        }
    }

    /// <summary>Skips bytes without reading them.</summary>
    public void Skip(ulong count, string part)
    {
        if (count > (ulong)Remaining)
            FailShort(count, part);
        Position += (long)count;
    }

    /// <summary>Passes over an array's strings, checking each length, and that they end before a limit.</summary>
    public void SkipStrings(long count, long limit)
    {
        long start = Position;
        long element = 0;
        while (element < count)
        {
            if (Remaining < sizeof(ulong))
                FailShort(sizeof(ulong), $"element {element} length");
            if (Position < _windowStart || Position + sizeof(ulong) > _windowStart + _windowLength)
                Fill(sizeof(ulong), "elements");

            ReadOnlySpan<byte> window = _window.AsSpan(0, _windowLength);
            long offset = Position - _windowStart;
            while (element < count && offset <= window.Length - sizeof(ulong))
            {
                ulong length = BinaryPrimitives.ReadUInt64LittleEndian(window[(int)offset..]);
                if (IsBigEndian)
                    length = BinaryPrimitives.ReverseEndianness(length);
                long end = _windowStart + offset + sizeof(ulong);
                if (length > MaxStringBytes)
                    Fail($"element {element} length", end - sizeof(ulong), $"{length} bytes exceed the limit of {MaxStringBytes}");
                if ((long)length > _source.Length - end)
                {
                    Position = end;
                    FailShort(length, $"element {element}");
                }
                offset += sizeof(ulong) + (long)length;
                element++;
            }
            Position = _windowStart + offset;
            if (Position > limit)
                Fail("elements", start, $"they extend beyond the {limit} bytes that metadata may take");
        }
    }

    private void Need(long count, string part)
    {
        if (count > Remaining)
            FailShort((ulong)count, part);
    }

    [DoesNotReturn]
    private void FailShort(ulong count, string part) =>
        Fail(part, Position, $"{count} bytes are needed but only {Remaining} are left, so the file is truncated or damaged: download it again");

    private void Fill(int count, string part)
    {
        _token.ThrowIfCancellationRequested();
        _windowStart = Position;
        _windowLength = _source.Read(Position, _window.AsSpan(0, (int)Math.Min(_window.Length, Remaining)), count);
        if (_windowLength < count)
            Fail(part, Position, "the file shrank while it was read");
    }
}
