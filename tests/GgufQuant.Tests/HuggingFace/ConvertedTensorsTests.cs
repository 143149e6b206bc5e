using System.Runtime.InteropServices;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.HuggingFace;
using GgufQuant.HuggingFace.Safetensors;

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
        long offset;
        using (SafetensorsFile file = SafetensorsFile.Open(weights))
            offset = file.Tensors.Single(tensor => tensor.Name == "model.embed_tokens.weight").FileOffset;
        using (FileStream file = File.OpenWrite(weights))
        {
            file.Position = offset;
            file.Write(MemoryMarshal.AsBytes(stored.AsSpan()));
        }

        using HuggingFaceModel model = HuggingFaceModel.Open(folder, golden.OptionsOf("auto").Options);
        GgufTensor tensor = model.File.FindTensor("token_embd.weight")!;
        ushort[] converted = new ushort[stored.Length];
        model.File.Read(tensor, 0, MemoryMarshal.AsBytes(converted.AsSpan()));
        Assert.Equal(GgmlType.BF16, tensor.Type);
        Assert.Equal([0x7FC1, 0xFFFF, 0x7FC1, 0x7F80, 0xFF80, 0x3F80, 0x0001, 0x8000], converted);
    }
}
