using System.Text;

namespace GgufQuant.Tests.Gguf;

/// <summary>A file put together from raw fields.</summary>
internal sealed class RawFile
{
    private readonly MemoryStream _stream = new();

    public static implicit operator byte[](RawFile file) => file._stream.ToArray();

    public RawFile Header(uint version = 3, ulong tensors = 0, ulong entries = 0) =>
        Raw("GGUF"u8).Raw(version).Raw(tensors).Raw(entries);

    public RawFile Tensor(string name, int type, long offset, params long[] shape)
    {
        Text(name).Raw((uint)shape.Length);
        foreach (long dimension in shape)
            Raw((ulong)dimension);
        return Raw((uint)type).Raw((ulong)offset);
    }

    public RawFile Text(string text) => Raw((ulong)Encoding.UTF8.GetByteCount(text)).Raw(Encoding.UTF8.GetBytes(text));

    public RawFile Raw(uint value) => Raw(BitConverter.GetBytes(value));

    public RawFile Raw(ulong value) => Raw(BitConverter.GetBytes(value));

    public RawFile Raw(ReadOnlySpan<byte> bytes)
    {
        _stream.Write(bytes);
        return this;
    }

    /// <summary>Zeros up to the data section and through it.</summary>
    public RawFile Pad(int dataBytes) => Raw(new byte[((_stream.Length + 31) / 32 * 32) - _stream.Length + dataBytes]);
}
