namespace GgufQuant.Gguf;

/// <summary>Gives the data of tensors that are in no GGUF file, as a file would have it. May be asked from many threads at once.</summary>
internal interface ITensorData : IDisposable
{
    /// <summary>The files that the data is made from.</summary>
    IEnumerable<string> Paths { get; }

    /// <summary>Makes a part of a tensor's data.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="offset">Where to start, in bytes from the start of the tensor's data.</param>
    /// <param name="destination">Is filled whole.</param>
    void Read(GgufTensor tensor, long offset, Span<byte> destination);

    /// <summary>Bytes of what a tensor's data is made from, in the type in which it is read.</summary>
    long SourceBytesOf(GgufTensor tensor);

    /// <summary>Checks that the files that the data is made from are as they were opened.</summary>
    /// <exception cref="IOException">One has changed.</exception>
    void ThrowIfChanged();
}
