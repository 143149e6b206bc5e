using System.Security.Cryptography;

namespace GgufQuant.Evaluation.Perplexity;

/// <summary>llama-perplexity's file format for a reference's logits: magic, chunk length, vocabulary, chunk count, tokens, then one row per scored prediction.</summary>
/// <remarks>This module adds a trailer that says whose logits they are. llama-perplexity reads no further than the last row.</remarks>
internal static class LogitsLayout
{
    /// <summary>Bytes before the tokens: magic and three 32-bit integers.</summary>
    public const int HeaderBytes = 8 + (3 * sizeof(int));

    /// <summary>Bytes before a row's codes: scale and least log-probability, 32-bit floats.</summary>
    public const int RowHeaderBytes = 2 * sizeof(float);

    /// <summary>How far the codes reach below the most probable token's logit.</summary>
    public const float Range = 16;

    /// <summary>The largest code.</summary>
    public const float MaximumCode = 65535;

    /// <summary>Characters of the reference's hash in the trailer.</summary>
    public const int HashLength = 2 * SHA256.HashSizeInBytes;

    /// <summary>Bytes after the last row: the trailer's magic, and the reference's hash in hexadecimal digits.</summary>
    public const int TrailerBytes = 8 + HashLength;

    /// <summary>The trailer's magic bytes.</summary>
    public static ReadOnlySpan<byte> TrailerMagic => "_origin_"u8;

    /// <summary>The magic bytes.</summary>
    public static ReadOnlySpan<byte> Magic => "_logits_"u8;

    /// <summary>Bytes per row: the header and one 16-bit code per token, padded to an even number.</summary>
    public static long RowBytes(int vocabularySize) => RowHeaderBytes + (2L * (((long)vocabularySize + 1) / 2 * 2));
}
