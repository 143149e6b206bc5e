using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.HuggingFace;

namespace GgufQuant.Tests.HuggingFace;

public sealed class ConvertedTensorsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    // As torch does when it widens BF16 to F32 and narrows it again.
    [Fact]
    public void Signaling_NaNs_become_quiet_ones_and_other_values_stay()
    {
        ushort[] stored = [0x7F81, 0xFFBF, 0x7FC1, 0x7F80, 0xFF80, 0x3F80, 0x0001, 0x8000];
        GoldenCase golden = new("qwen2");
        string folder = golden.CopyTo(_folder.Path);
        string weights = Path.Combine(folder, "model.safetensors");
        byte[] bytes = File.ReadAllBytes(weights);
        int header = (int)BinaryPrimitives.ReadInt64LittleEndian(bytes);
        int start = (int)JsonNode.Parse(bytes.AsSpan(sizeof(long), header))!["model.embed_tokens.weight"]!["data_offsets"]![0]!;
        MemoryMarshal.AsBytes(stored.AsSpan()).CopyTo(bytes.AsSpan(sizeof(long) + header + start));
        File.WriteAllBytes(weights, bytes);

        using HuggingFaceModel model = HuggingFaceModel.Open(folder, golden.OptionsOf("auto").Options);
        GgufTensor tensor = model.File.FindTensor("token_embd.weight")!;
        ushort[] converted = new ushort[stored.Length];
        model.File.Read(tensor, 0, MemoryMarshal.AsBytes(converted.AsSpan()));
        Assert.Equal(GgmlType.BF16, tensor.Type);
        Assert.Equal([0x7FC1, 0xFFFF, 0x7FC1, 0x7F80, 0xFF80, 0x3F80, 0x0001, 0x8000], converted);
    }
}
