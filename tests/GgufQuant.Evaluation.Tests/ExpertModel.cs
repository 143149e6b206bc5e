using System.Runtime.InteropServices;
using GgufQuant.Formats;
using GgufQuant.Gguf;

namespace GgufQuant.Evaluation.Tests;

/// <summary>One layer of the sample model, its feed-forward part scaled differently in each of some experts, with a random choice among them.</summary>
internal static class ExpertModel
{
    public const int Experts = 4;
    public const int UsedExperts = 2;

    private static readonly string[] s_dense =
        ["token_embd.weight", "output_norm.weight", "output.weight", "blk.0.attn_norm.weight", "blk.0.attn_q.weight",
         "blk.0.attn_k.weight", "blk.0.attn_v.weight", "blk.0.attn_output.weight", "blk.0.ffn_norm.weight"];

    private static readonly string[] s_experts = ["gate", "up", "down"];

    public static void Write(string path)
    {
        using GgufFile source = GgufFile.Open(Sample.Model);
        List<(GgufTensorInfo Info, byte[] Data)> tensors = [];
        foreach (string name in s_dense)
        {
            GgufTensor tensor = source.FindTensor(name)!;
            tensors.Add((GgufTensorInfo.Of(tensor, tensor.Type), source.Read(tensor)));
        }
        foreach (string part in s_experts)
        {
            GgufTensor tensor = source.FindTensor($"blk.0.ffn_{part}.weight")!;
            byte[] data = [.. Enumerable.Range(0, Experts).SelectMany(expert => Scaled(source.Read(tensor), 1 + (expert * 0.25f)))];
            tensors.Add((new($"blk.0.ffn_{part}_exps.weight", tensor.Type, [.. tensor.Shape, Experts]), data));
        }
        Random random = new(1);
        float[] choice = [.. Enumerable.Range(0, 256 * Experts).Select(_ => random.NextSingle() - 0.5f)];
        tensors.Add((new("blk.0.ffn_gate_inp.weight", GgmlType.F32, [256, Experts]), MemoryMarshal.AsBytes(choice.AsSpan()).ToArray()));

        GgufEntry[] metadata =
        [
            .. source.Metadata.Where(entry => entry.Key != "llama.block_count"),
            GgufEntry.Create("llama.block_count", 1u),
            GgufEntry.Create("llama.expert_count", (uint)Experts),
            GgufEntry.Create("llama.expert_used_count", (uint)UsedExperts),
        ];
        GgufFiles.Write(path, metadata, tensors);
    }

    // Experts that differ in what they make of the same input.
    private static byte[] Scaled(byte[] halves, float factor)
    {
        byte[] scaled = [.. halves];
        foreach (ref Half weight in MemoryMarshal.Cast<byte, Half>(scaled.AsSpan()))
            weight = (Half)((float)weight * factor);
        return scaled;
    }
}
