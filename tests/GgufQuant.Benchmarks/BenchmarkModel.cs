using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.TestKit;

namespace GgufQuant.Benchmarks;

/// <summary>A llama model with Gaussian weights.</summary>
/// <param name="Layers">Number of layers.</param>
/// <param name="Width">Columns of the embedding.</param>
/// <param name="Inner">Columns of the feed-forward network.</param>
/// <param name="Heads">Attention heads.</param>
/// <param name="KeyHeads">Heads of keys and values.</param>
/// <param name="Vocabulary">Number of tokens.</param>
/// <param name="HasOutput">Whether the output has a matrix of its own, rather than the embedding's.</param>
/// <param name="Tokenizer">Metadata of the tokenizer.</param>
internal sealed record BenchmarkModel(
    int Layers, int Width, int Inner, int Heads, int KeyHeads, int Vocabulary, bool HasOutput, IReadOnlyList<GgufEntry> Tokenizer)
{
    // Tensors take their weights from one pool, each from a different offset: generating a billion would take minutes.
    private const int PoolSize = 1 << 24;
    private const float Deviation = 0.02f;

    /// <summary>1.1 billion parameters in TinyLlama's shape, with a vocabulary that is only a list.</summary>
    public static BenchmarkModel TinyLlama { get; } = new(
        22, 2048, 5632, 32, 4, 32000, true, [GgufEntry.Create("tokenizer.ggml.tokens", Fill([], 32000))]);

    /// <summary>0.5 billion parameters in the shape of Qwen2.5 0.5B, with its number of tokens: those of the sample, and others that no text has.</summary>
    public static BenchmarkModel LargeVocabulary()
    {
        const int Tokens = 151_936;
        using GgufFile sample = GgufFile.Open(Sample.Model);
        return new(24, 896, 4864, 14, 2, Tokens, false,
        [
            .. sample.Metadata
                .Where(entry => entry.Key.StartsWith("tokenizer.", StringComparison.Ordinal))
                .Select(entry => entry.Key switch
                {
                    "tokenizer.ggml.tokens" => GgufEntry.Create(entry.Key, Fill((string[])entry.Value, Tokens)),
                    "tokenizer.ggml.token_type" => GgufEntry.Create(entry.Key, Enumerable.Repeat(1, Tokens).ToArray()),
                    _ => GgufEntry.Create(entry.Key, entry.Value),
                }),
        ]);
    }

    /// <summary>Writes the model.</summary>
    /// <param name="path">The file.</param>
    /// <param name="type">F16 or BF16.</param>
    public void Write(string path, GgmlType type)
    {
        GgufWriter writer = new(Metadata(), Tensors(type));
        byte[] halves = new byte[PoolSize * sizeof(ushort)];
        byte[] floats = new byte[Width * sizeof(float)];
        float[] pool = Gaussian();
        BlockFormat.Of(type).Quantize(pool, PoolSize, [], halves);
        BlockFormat.Of(GgmlType.F32).Quantize(pool.AsSpan(0, Width), Width, [], floats);

        using FileStream stream = File.Create(path);
        writer.WriteHeader(stream);
        int offset = 0;
        foreach (GgufTensor tensor in writer.Tensors)
        {
            byte[] source = tensor.Type == type ? halves : floats;
            offset = tensor.Type == type ? (offset + (4099 * sizeof(ushort))) % source.Length : 0;
            for (long left = tensor.ByteCount; left > 0;)
            {
                int count = (int)Math.Min(left, source.Length - offset);
                stream.Write(source, offset, count);
                left -= count;
                offset = (offset + count) % source.Length;
            }
            stream.Write(new byte[writer.PaddingAfter(tensor)]);
        }
    }

    private IEnumerable<GgufEntry> Metadata() =>
    [
        GgufEntry.Create("general.architecture", "llama"),
        GgufEntry.Create("general.name", "Benchmark"),
        GgufEntry.Create("llama.context_length", 2048u),
        GgufEntry.Create("llama.embedding_length", (uint)Width),
        GgufEntry.Create("llama.block_count", (uint)Layers),
        GgufEntry.Create("llama.feed_forward_length", (uint)Inner),
        GgufEntry.Create("llama.attention.head_count", (uint)Heads),
        GgufEntry.Create("llama.attention.head_count_kv", (uint)KeyHeads),
        GgufEntry.Create("llama.attention.layer_norm_rms_epsilon", 1e-5f),
        .. Tokenizer,
    ];

    private IEnumerable<GgufTensorInfo> Tensors(GgmlType type)
    {
        int keyWidth = Width / Heads * KeyHeads;
        yield return new("token_embd.weight", type, [Width, Vocabulary]);
        for (int layer = 0; layer < Layers; layer++)
        {
            string prefix = $"blk.{layer}.";
            yield return new(prefix + "attn_norm.weight", GgmlType.F32, [Width]);
            yield return new(prefix + "attn_q.weight", type, [Width, Width]);
            yield return new(prefix + "attn_k.weight", type, [Width, keyWidth]);
            yield return new(prefix + "attn_v.weight", type, [Width, keyWidth]);
            yield return new(prefix + "attn_output.weight", type, [Width, Width]);
            yield return new(prefix + "ffn_norm.weight", GgmlType.F32, [Width]);
            yield return new(prefix + "ffn_gate.weight", type, [Width, Inner]);
            yield return new(prefix + "ffn_up.weight", type, [Width, Inner]);
            yield return new(prefix + "ffn_down.weight", type, [Inner, Width]);
        }
        yield return new("output_norm.weight", GgmlType.F32, [Width]);
        if (HasOutput)
            yield return new("output.weight", type, [Width, Vocabulary]);
    }

    private static string[] Fill(string[] tokens, int count) =>
        [.. tokens, .. Enumerable.Range(tokens.Length, count - tokens.Length).Select(i => $"token {i}")];

    private static float[] Gaussian()
    {
        Random random = new(1);
        float[] weights = new float[PoolSize];
        for (int i = 0; i < weights.Length; i++)
            weights[i] = (float)(Deviation * KernelInput.Gaussian(random));
        return weights;
    }
}
