namespace GgufQuant.Gguf;

/// <summary>How far copying tensor data has come.</summary>
/// <param name="Tensor">The tensor that was worked on last.</param>
/// <param name="BytesDone">Bytes of tensor data copied.</param>
/// <param name="Bytes">Bytes of tensor data in all.</param>
public readonly record struct GgufCopyProgress(string Tensor, long BytesDone, long Bytes)
{
    /// <summary>Share of the bytes that are copied, 0 to 1.</summary>
    public double Share => Bytes == 0 ? 1 : (double)BytesDone / Bytes;
}
