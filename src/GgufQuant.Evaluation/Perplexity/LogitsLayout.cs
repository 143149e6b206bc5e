namespace GgufQuant.Evaluation.Perplexity;

/// <summary>The file in which llama-perplexity keeps a reference's logits: magic, chunk length, vocabulary, chunk count, tokens, then one row a scored prediction.</summary>
internal static class LogitsLayout
{
    /// <summary>Bytes before the tokens: magic and three 32-bit integers.</summary>
    public const int HeaderBytes = 8 + (3 * sizeof(int));

    /// <summary>Bytes before a row's codes: scale and least log-probability, 32-bit floats.</summary>
    public const int RowHeaderBytes = 2 * sizeof(float);

    /// <summary>How far below the most probable token's logit the codes reach.</summary>
    public const float Range = 16;

    /// <summary>The codes' largest value.</summary>
    public const float MaximumCode = 65535;

    /// <summary>The magic bytes.</summary>
    public static ReadOnlySpan<byte> Magic => "_logits_"u8;

    /// <summary>Bytes of a row: header and a 16-bit code a token, an even number of them.</summary>
    public static long RowBytes(int vocabularySize) => RowHeaderBytes + (2L * (((long)vocabularySize + 1) / 2 * 2));
}
