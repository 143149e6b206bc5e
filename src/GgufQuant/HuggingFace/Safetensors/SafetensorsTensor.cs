using System.Collections.Immutable;

namespace GgufQuant.HuggingFace.Safetensors;

/// <summary>One tensor of a safetensors file.</summary>
/// <param name="File">Its file.</param>
/// <param name="Name">Its name.</param>
/// <param name="Type">The type of its elements.</param>
/// <param name="Shape">The dimensions, the outermost first; none for a scalar.</param>
/// <param name="FileOffset">Where its data starts, in bytes from the start of the file.</param>
/// <param name="ByteCount">Bytes of data.</param>
internal sealed record SafetensorsTensor(
    SafetensorsFile File, string Name, SafetensorsType Type, ImmutableArray<long> Shape, long FileOffset, long ByteCount)
{
    /// <summary>Reads a part of the data.</summary>
    /// <param name="offset">Where to start, in bytes from the start of the tensor's data.</param>
    /// <param name="destination">Receives the data; it is filled completely.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part is not within the tensor.</exception>
    /// <exception cref="ModelFolderException">The file has shrunk since it was opened.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public void Read(long offset, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(offset, ByteCount - destination.Length);
        File.Read(FileOffset + offset, destination, Name);
    }

    /// <summary>Name, shape and type.</summary>
    public override string ToString() => $"{Name} [{string.Join(", ", Shape)}] {Type}";
}
