using GgufQuant.Formats;
using GgufQuant.Gguf;

namespace GgufQuant.TestKit;

/// <summary>Llama 3.1 8B's shapes and metadata in a file whose weights take no disk space.</summary>
public sealed class Llama8B : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public Llama8B()
    {
        string path = _folder.File("llama-8b.gguf");
        using (FileStream stream = SparseFile.Create(path))
            GgufFiles.WriteZeros(stream, Metadata, Tensors);
        File = GgufFile.Open(path);
    }

    public GgufFile File { get; }

    private static IEnumerable<GgufEntry> Metadata =>
    [
        GgufEntry.Create("general.architecture", "llama"),
        GgufEntry.Create("llama.block_count", 32u),
        GgufEntry.Create("llama.context_length", 131072u),
        GgufEntry.Create("llama.embedding_length", 4096u),
        GgufEntry.Create("llama.feed_forward_length", 14336u),
        GgufEntry.Create("llama.attention.head_count", 32u),
        GgufEntry.Create("llama.attention.head_count_kv", 8u),
        GgufEntry.Create("llama.vocab_size", 128256u),
    ];

    private static IEnumerable<GgufTensorInfo> Tensors =>
    [
        Tensor("token_embd.weight", 4096, 128256),
        Tensor("output.weight", 4096, 128256),
        .. from layer in Enumerable.Range(0, 32)
           from tensor in new[]
           {
               Tensor($"blk.{layer}.attn_q.weight", 4096, 4096),
               Tensor($"blk.{layer}.attn_k.weight", 4096, 1024),
               Tensor($"blk.{layer}.attn_v.weight", 4096, 1024),
               Tensor($"blk.{layer}.attn_output.weight", 4096, 4096),
               Tensor($"blk.{layer}.ffn_gate.weight", 4096, 14336),
               Tensor($"blk.{layer}.ffn_up.weight", 4096, 14336),
               Tensor($"blk.{layer}.ffn_down.weight", 14336, 4096),
           }
           select tensor,
    ];

    public void Dispose()
    {
        File.Dispose();
        _folder.Dispose();
    }

    private static GgufTensorInfo Tensor(string name, long columns, long rows) => new(name, GgmlType.F16, [columns, rows]);
}
