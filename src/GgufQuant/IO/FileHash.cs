using System.Security.Cryptography;

namespace GgufQuant.IO;

/// <summary>The SHA-256 of files.</summary>
public static class FileHash
{
    private const int BufferBytes = 1 << 20;

    /// <summary>The SHA-256 of a file, in hexadecimal.</summary>
    /// <param name="path">The file.</param>
    /// <param name="progress">Receives how far it is.</param>
    /// <param name="token">Stops it.</param>
    /// <inheritdoc cref="RegularFile.Open" path="/exception"/>
    public static string Compute(string path, IProgress<WorkProgress> progress, CancellationToken token)
    {
        long done = 0;
        return Convert.ToHexString(Compute(path, (count, length) => progress.Report(new(NumberText.Size(length), (double)(done += count) / length, Remaining: null)), token));
    }

    /// <summary>The SHA-256 of a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="progress">Receives how many more bytes have been read, and the bytes of the file.</param>
    /// <param name="token">Stops it.</param>
    /// <inheritdoc cref="RegularFile.Open" path="/exception"/>
    internal static byte[] Compute(string path, Action<int, long> progress, CancellationToken token)
    {
        using FileStream file = RegularFile.OpenStream(path);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Append(hash, file, progress: count => progress(count, file.Length), token: token);
        return hash.GetHashAndReset();
    }

    /// <summary>Appends what follows in a file to a hash.</summary>
    /// <param name="hash">The hash.</param>
    /// <param name="file">The file, at the first byte to append.</param>
    /// <param name="limit">The most bytes to append.</param>
    /// <param name="progress">Receives how many more bytes have been appended.</param>
    /// <param name="token">Stops it.</param>
    internal static void Append(
        IncrementalHash hash, FileStream file, long limit = long.MaxValue, Action<int>? progress = null, CancellationToken token = default)
    {
        byte[] buffer = new byte[(int)Math.Min(BufferBytes, limit)];
        for (int read; limit > 0 && (read = file.Read(buffer, 0, (int)Math.Min(buffer.Length, limit))) > 0; limit -= read)
        {
            token.ThrowIfCancellationRequested();
            hash.AppendData(buffer, 0, read);
            progress?.Invoke(read);
        }
    }
}
