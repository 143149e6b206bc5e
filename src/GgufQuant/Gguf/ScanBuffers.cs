namespace GgufQuant.Gguf;

/// <summary>One thread's buffers: the bytes of one chunk, and the floats of two.</summary>
internal sealed class ScanBuffers
{
    private byte[] _bytes = [];
    private float[] _first = [];
    private float[] _second = [];

    /// <summary>Reads a chunk's bytes.</summary>
    public ReadOnlySpan<byte> ReadBytes(GgufFile file, GgufTensor tensor, long start, int count)
    {
        int length = (int)tensor.Format.ByteCount(count);
        if (_bytes.Length < length)
            _bytes = new byte[tensor.Format.ByteCount(TensorScan.ChunkWeights)];
        Span<byte> bytes = _bytes.AsSpan(0, length);
        file.Read(tensor, tensor.Format.ByteCount(start), bytes);
        return bytes;
    }

    /// <summary>Reads a chunk as floats.</summary>
    public ReadOnlySpan<float> ReadFirst(GgufFile file, GgufTensor tensor, long start, int count) =>
        ReadFloats(file, tensor, start, count, ref _first);

    /// <summary>Reads a chunk as floats, kept apart from those of <see cref="ReadFirst"/>.</summary>
    public ReadOnlySpan<float> ReadSecond(GgufFile file, GgufTensor tensor, long start, int count) =>
        ReadFloats(file, tensor, start, count, ref _second);

    private ReadOnlySpan<float> ReadFloats(GgufFile file, GgufTensor tensor, long start, int count, ref float[] buffer)
    {
        if (buffer.Length == 0)
            buffer = new float[TensorScan.ChunkWeights];
        Span<float> floats = buffer.AsSpan(0, count);
        tensor.Format.Dequantize(ReadBytes(file, tensor, start, count), floats);
        return floats;
    }
}
