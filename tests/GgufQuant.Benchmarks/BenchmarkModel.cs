using GgufQuant.Formats;
using GgufQuant.Gguf;

namespace GgufQuant.Benchmarks;

/// <summary>A llama model of 1.1 billion parameters, in TinyLlama's shape, with Gaussian weights.</summary>
internal static class BenchmarkModel
{
    private const int Layers = 22;
    private const int Width = 2048;
    private const int KeyWidth = 256;
    private const int Inner = 5632;
    private const int Vocabulary = 32000;

    // Tensors take their weights from one pool, each from a different offset: generating a billion would take minutes.
    private const int PoolSize = 1 << 24;
    private const float Deviation = 0.02f;

    /// <summary>Writes the model.</summary>
    /// <param name="path">The file.</param>
    /// <param name="type">F16 or BF16.</param>
    public static void Write(string path, GgmlType type)
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

    private static IEnumerable<GgufEntry> Metadata() =>
    [
        GgufEntry.Create("general.architecture", "llama"),
        GgufEntry.Create("general.name", "Benchmark"),
        GgufEntry.Create("llama.context_length", 2048u),
        GgufEntry.Create("llama.embedding_length", (uint)Width),
        GgufEntry.Create("llama.block_count", (uint)Layers),
        GgufEntry.Create("llama.feed_forward_length", (uint)Inner),
        GgufEntry.Create("llama.attention.head_count", 32u),
        GgufEntry.Create("llama.attention.head_count_kv", 4u),
        GgufEntry.Create("llama.attention.layer_norm_rms_epsilon", 1e-5f),
        GgufEntry.Create("tokenizer.ggml.tokens", Enumerable.Range(0, Vocabulary).Select(i => $"token {i}").ToArray()),
    ];

    private static IEnumerable<GgufTensorInfo> Tensors(GgmlType type)
    {
        yield return new("token_embd.weight", type, [Width, Vocabulary]);
        for (int layer = 0; layer < Layers; layer++)
        {
            string prefix = $"blk.{layer}.";
            yield return new(prefix + "attn_norm.weight", GgmlType.F32, [Width]);
            yield return new(prefix + "attn_q.weight", type, [Width, Width]);
            yield return new(prefix + "attn_k.weight", type, [Width, KeyWidth]);
            yield return new(prefix + "attn_v.weight", type, [Width, KeyWidth]);
            yield return new(prefix + "attn_output.weight", type, [Width, Width]);
            yield return new(prefix + "ffn_norm.weight", GgmlType.F32, [Width]);
            yield return new(prefix + "ffn_gate.weight", type, [Width, Inner]);
            yield return new(prefix + "ffn_up.weight", type, [Width, Inner]);
            yield return new(prefix + "ffn_down.weight", type, [Inner, Width]);
        }
        yield return new("output_norm.weight", GgmlType.F32, [Width]);
        yield return new("output.weight", type, [Width, Vocabulary]);
    }

    private static float[] Gaussian()
    {
        Random random = new(1);
        float[] weights = new float[PoolSize];
        for (int i = 0; i < weights.Length; i++)
            weights[i] = (float)(Deviation * KernelInput.Gaussian(random));
        return weights;
    }
}
