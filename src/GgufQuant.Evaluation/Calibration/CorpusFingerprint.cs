using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using GgufQuant.Evaluation.Imatrix;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Calibration;

/// <summary>A hash that distinguishes a text, and the part of it that a model is run over, from others.</summary>
public static class CorpusFingerprint
{
    /// <summary>The hash, 64 hexadecimal digits.</summary>
    /// <param name="path">The text's file.</param>
    /// <param name="options">The part of it that is used, and its division into chunks.</param>
    /// <param name="token">Cancels the operation.</param>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static string Of(string path, ImatrixOptions options, CancellationToken token)
    {
        ArgumentNullException.ThrowIfNull(options);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes(string.Create(
            CultureInfo.InvariantCulture, $"{options.ContextLength}|{options.Chunks}|{options.SkipChunks}|{options.ParseSpecial}\n")));
        using FileStream file = RegularFile.OpenStream(path);
        FileHash.Append(hash, file, token: token);
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
