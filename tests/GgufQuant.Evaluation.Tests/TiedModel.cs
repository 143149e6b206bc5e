using System.Runtime.InteropServices;
using GgufQuant.Formats;
using GgufQuant.Gguf;

namespace GgufQuant.Evaluation.Tests;

/// <summary>
/// A model of random weights that is unlike the sample: Qwen2, with biases, embeddings that serve as the output, and rows of 320
/// and 896 weights, which 256 does not divide.
/// </summary>
internal static class TiedModel
{
    private const int Width = 320;
    private const int FeedForward = 896;
    private const int Heads = 5;
    private const int Layers = 3;

    public static void Write(string path)
    {
        using GgufFile source = GgufFile.Open(Sample.Model);
        int vocabulary = (int)source.FindTensor("token_embd.weight")!.Shape[1];
        int keys = Width / Heads;
        Random random = new(1);
        List<(GgufTensorInfo Info, byte[] Data)> tensors = [Matrix(random, "token_embd.weight", Width, vocabulary), Ones("output_norm.weight")];
        for (int layer = 0; layer < Layers; layer++)
        {
            tensors.AddRange(
            [
                Ones($"blk.{layer}.attn_norm.weight"),
                Matrix(random, $"blk.{layer}.attn_q.weight", Width, Width), Bias(random, $"blk.{layer}.attn_q.bias", Width),
                Matrix(random, $"blk.{layer}.attn_k.weight", Width, keys), Bias(random, $"blk.{layer}.attn_k.bias", keys),
                Matrix(random, $"blk.{layer}.attn_v.weight", Width, keys), Bias(random, $"blk.{layer}.attn_v.bias", keys),
                Matrix(random, $"blk.{layer}.attn_output.weight", Width, Width),
                Ones($"blk.{layer}.ffn_norm.weight"),
                Matrix(random, $"blk.{layer}.ffn_gate.weight", Width, FeedForward),
                Matrix(random, $"blk.{layer}.ffn_up.weight", Width, FeedForward),
                Matrix(random, $"blk.{layer}.ffn_down.weight", FeedForward, Width),
            ]);
        }
        GgufEntry[] metadata =
        [
            GgufEntry.Create("general.architecture", "qwen2"),
            GgufEntry.Create("qwen2.block_count", (uint)Layers),
            GgufEntry.Create("qwen2.context_length", 256u),
            GgufEntry.Create("qwen2.embedding_length", (uint)Width),
            GgufEntry.Create("qwen2.feed_forward_length", (uint)FeedForward),
            GgufEntry.Create("qwen2.attention.head_count", (uint)Heads),
            GgufEntry.Create("qwen2.attention.head_count_kv", 1u),
            GgufEntry.Create("qwen2.attention.layer_norm_rms_epsilon", 1e-6f),
            .. source.Metadata.Where(entry => entry.Key.StartsWith("tokenizer.", StringComparison.Ordinal)),
        ];
        GgufFiles.Write(path, metadata, tensors);
    }

    private static (GgufTensorInfo, byte[]) Matrix(Random random, string name, int columns, int rows)
    {
        Half[] weights = new Half[columns * rows];
        for (int i = 0; i < weights.Length; i++)
            weights[i] = (Half)(Gaussian(random) * 1.5 / Math.Sqrt(columns));
        return (new(name, GgmlType.F16, [columns, rows]), MemoryMarshal.AsBytes(weights.AsSpan()).ToArray());
    }

    private static (GgufTensorInfo, byte[]) Bias(Random random, string name, int count) =>
        Floats(name, [.. Enumerable.Range(0, count).Select(_ => (float)(0.1 * Gaussian(random)))]);

    private static (GgufTensorInfo, byte[]) Ones(string name) => Floats(name, [.. Enumerable.Repeat(1f, Width)]);

    private static (GgufTensorInfo, byte[]) Floats(string name, float[] values) =>
        (new(name, GgmlType.F32, [values.Length]), MemoryMarshal.AsBytes(values.AsSpan()).ToArray());

    private static double Gaussian(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
