using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using GgufQuant.Gguf;

namespace GgufQuant.Calibration;

/// <summary>A hash that distinguishes a model from others and from changed versions, computed from a small part of it.</summary>
/// <remarks>
/// It covers every tensor's name, type, shape and the first, middle and last 4 KiB of its data, ordered by name:
/// splitting a model does not change it, but training does.
/// </remarks>
internal static class ModelFingerprint
{
    private const int SampleBytes = 4096;

    /// <summary>The hash, 64 hexadecimal digits.</summary>
    public static string Of(GgufFile model)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        byte[] sample = new byte[SampleBytes];
        foreach (GgufTensor tensor in model.Tensors.OrderBy(tensor => tensor.Name, StringComparer.Ordinal))
        {
            string text = string.Create(CultureInfo.InvariantCulture, $"{tensor.Name}|{(int)tensor.Type}|{string.Join(',', tensor.Shape)}\n");
            hash.AppendData(Encoding.UTF8.GetBytes(text));
            int count = (int)Math.Min(SampleBytes, tensor.ByteCount);
            foreach (long offset in (ReadOnlySpan<long>)[0, (tensor.ByteCount - count) / 2, tensor.ByteCount - count])
            {
                model.Read(tensor, offset, sample.AsSpan(0, count));
                hash.AppendData(sample, 0, count);
            }
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
