using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Planning;

namespace GgufQuant.Pipeline;

/// <summary>Says beside a quantized file what each tensor in it was made from, so that a later run can take it over.</summary>
/// <remarks>
/// A text file, <c>model-Q4_K_M.gguf.reuse</c>, with a line for each quantized tensor: the SHA-256 of all that its bytes
/// depend on, the SHA-256 of its bytes, and its name. Both are compared before a tensor is reused, so neither another
/// source nor a file changed since can go unnoticed.
/// </remarks>
internal static class ReuseRecord
{
    private const string Extension = ".reuse";
    private const int HexLength = 2 * SHA256.HashSizeInBytes;

    // Longer than the record of any model, and short enough to be read at once.
    private const long MaxBytes = 64L << 20;

    internal static string PathOf(string file) => file + Extension;

    /// <summary>Hashes all that the bytes of each plan's tensors depend on; null for one that is copied, or quantized with moments.</summary>
    /// <param name="plans">Plans of one source, which is read once.</param>
    /// <param name="threads">Threads to use.</param>
    /// <param name="token">Cancels it.</param>
    internal static IReadOnlyList<string?[]> HashOrigins(IReadOnlyList<QuantizationPlan> plans, int threads, CancellationToken token)
    {
        GgufTensor[] sources = [.. plans.SelectMany(plan => plan.Tensors).Where(HasOrigin).Select(tensor => tensor.Source).Distinct()];
        string[] hashes = new string[sources.Length];
        ParallelLoop.For(hashes.Length, threads, index => hashes[index] = HashData(plans[0].Source, sources[index], token), token);
        Dictionary<GgufTensor, string> data = sources.Zip(hashes).ToDictionary(tensor => tensor.First, tensor => tensor.Second);
        return [.. plans.Select(plan => plan.Tensors.Select(tensor => HasOrigin(tensor) ? HashOrigin(tensor, data[tensor.Source]) : null).ToArray())];
    }

    /// <summary>Hashes a tensor's bytes as they are in a file.</summary>
    internal static string HashData(GgufFile file, GgufTensor tensor, CancellationToken token)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        AppendData(hash, file, tensor, token);
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    /// <summary>Writes the record of a file.</summary>
    /// <param name="file">The file's path, of the first shard if it is split.</param>
    /// <param name="tensors">Of each tensor the hash of its origin, that of its bytes, and its name.</param>
    internal static void Write(string file, IEnumerable<(string Origin, string Data, string Name)> tensors)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(string.Concat(tensors.Select(tensor => $"{tensor.Origin} {tensor.Data} {tensor.Name}\n")));
        using AtomicFile record = AtomicFile.Create(PathOf(file), bytes.Length, overwrite: true, stream => stream.Write(bytes));
        record.Commit();
    }

    /// <summary>The name and the hash of the bytes of each recorded tensor, by the hash of its origin; none if a file has no record.</summary>
    internal static IReadOnlyDictionary<string, (string Name, string Data)> Read(string file)
    {
        Dictionary<string, (string Name, string Data)> tensors = [];
        FileInfo record = new(PathOf(file));
        if (!RegularFile.Exists(record.FullName) || record.Length > MaxBytes)
            return tensors;
        foreach (string line in File.ReadLines(record.FullName))
        {
            if (line.Length > (2 * HexLength) + 2)
                tensors[line[..HexLength]] = (line[((2 * HexLength) + 2)..], line.Substring(HexLength + 1, HexLength));
        }
        return tensors;
    }

    private static bool HasOrigin(PlannedTensor tensor) => tensor is { IsCopied: false, Moments: null };

    private static string HashOrigin(PlannedTensor tensor, string data)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        // Another build may make other bytes.
        hash.AppendData(typeof(ReuseRecord).Module.ModuleVersionId.ToByteArray());
        Append(hash, [(long)tensor.Source.Type, (long)tensor.Target, .. tensor.Source.Shape]);
        float[] importance = tensor.Importance?.ReadMeans() ?? [];
        Append(hash, [importance.Length]);
        hash.AppendData(MemoryMarshal.AsBytes(importance.AsSpan()));
        hash.AppendData(Convert.FromHexString(data));
        return Convert.ToHexString(hash.GetHashAndReset());
    }

    private static void Append(IncrementalHash hash, ReadOnlySpan<long> numbers)
    {
        Span<byte> bytes = stackalloc byte[sizeof(long)];
        foreach (long number in numbers)
        {
            BinaryPrimitives.WriteInt64LittleEndian(bytes, number);
            hash.AppendData(bytes);
        }
    }

    private static void AppendData(IncrementalHash hash, GgufFile file, GgufTensor tensor, CancellationToken token)
    {
        byte[] bytes = new byte[(int)Math.Min(1 << 20, tensor.ByteCount)];
        for (long done = 0; done < tensor.ByteCount; done += bytes.Length)
        {
            token.ThrowIfCancellationRequested();
            Span<byte> part = bytes.AsSpan(0, (int)Math.Min(bytes.Length, tensor.ByteCount - done));
            file.Read(tensor, done, part);
            hash.AppendData(part);
        }
    }
}
