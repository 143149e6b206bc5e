using System.Security.Cryptography;
using GgufQuant.IO;

namespace GgufQuant.Gguf;

/// <summary>Whether a file is the shard that would be written, without reading its data.</summary>
internal static class ShardComparison
{
    /// <summary>What distinguishes a file from the shard, as the end of a sentence about it; null if nothing does.</summary>
    /// <param name="layout">The shard.</param>
    /// <param name="path">A file that exists.</param>
    /// <param name="inputs">The files that the shard is made from.</param>
    /// <exception cref="IOException">A file cannot be read.</exception>
    internal static string? Find(GgufWriter layout, string path, IEnumerable<string> inputs)
    {
        using FileStream file = RegularFile.OpenStream(path);
        if (file.Length != layout.Length)
            return $"has {file.Length:N0} bytes instead of {layout.Length:N0}";
        DateTime written = File.GetLastWriteTimeUtc(file.SafeFileHandle);
        foreach (string input in inputs)
        {
            using var handle = RegularFile.Open(input);
            if (File.GetLastWriteTimeUtc(handle) > written)
                return $"is older than '{input}'";
        }
        return HashOf(layout).AsSpan().SequenceEqual(HashOf(file, layout.DataOffset)) ? null : "has another header";
    }

    // Hashes rather than bytes: arrays in a header may have gigabytes.
    private static byte[] HashOf(GgufWriter layout)
    {
        using SHA256 hash = SHA256.Create();
        using (CryptoStream stream = new(Stream.Null, hash, CryptoStreamMode.Write))
            layout.WriteHeader(stream);
        return hash.Hash!;
    }

    private static byte[] HashOf(FileStream file, long length)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        FileHash.Append(hash, file, length);
        return hash.GetHashAndReset();
    }
}
