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
        using FileStream file = RegularFile.OpenStream(path);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] buffer = new byte[BufferBytes];
        for (int read; (read = file.Read(buffer)) > 0;)
        {
            token.ThrowIfCancellationRequested();
            hash.AppendData(buffer, 0, read);
            progress.Report(new(NumberText.Size(file.Length), (double)file.Position / file.Length, Remaining: null));
        }
        return Convert.ToHexString(hash.GetHashAndReset());
    }
}
