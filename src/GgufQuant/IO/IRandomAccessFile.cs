namespace GgufQuant.IO;

/// <summary>The bytes of one file, readable at any offset from any thread.</summary>
internal interface IRandomAccessFile : IDisposable
{
    /// <summary>The full path, or the address.</summary>
    string Path { get; }

    /// <summary>Bytes of the file.</summary>
    long Length { get; }

    /// <summary>Reads up to the end of the file; returns the number of bytes read.</summary>
    /// <param name="offset">Where to start.</param>
    /// <param name="destination">Filled as far as the file goes.</param>
    /// <param name="least">Bytes after which a file that is slow to read may stop.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    int Read(long offset, Span<byte> destination, int least);

    /// <summary>Checks that the file is as it was opened.</summary>
    /// <exception cref="IOException">It is not.</exception>
    void ThrowIfChanged();
}
