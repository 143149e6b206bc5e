namespace GgufQuant.HuggingFace.Tensors;

/// <summary>A small tensor kept in memory because it is read in very small pieces.</summary>
internal sealed class StoredInMemory : TensorValues
{
    /// <summary>Tensors with rows shorter than this are kept.</summary>
    public const int SmallRowBytes = 64;

    private const long MaxBytes = 32 << 20;

    private readonly Lazy<byte[]> _bytes;

    private StoredInMemory(TensorValues source)
        : base(source.Type, source.Shape)
    {
        _bytes = new(() =>
        {
            byte[] bytes = new byte[source.Format.ByteCount(source.Count)];
            source.Read(0, bytes);
            return bytes;
        });
    }

    /// <summary>The tensor in memory if it is small, otherwise unchanged.</summary>
    public static TensorValues Of(TensorValues source) => source.Format.ByteCount(source.Count) <= MaxBytes ? new StoredInMemory(source) : source;

    public override void Read(long first, Span<byte> destination) =>
        _bytes.Value.AsSpan(BytesOf(first), destination.Length).CopyTo(destination);
}
