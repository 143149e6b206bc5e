using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Models;

namespace GgufQuant.Tests.Models;

/// <summary>A file is labelled by its contents, whatever its header says.</summary>
public sealed class FileTypeLabelTests
{
    [Theory]
    // 79% of the weights are q2_K in a file that calls itself Q4_K_M.
    [InlineData(FileType.Q4_K_M, "q2_K 79, q4_K 21", null)]
    [InlineData(FileType.F16, "q8_0 100", null)]
    [InlineData(FileType.Q8_0, "q4_0 60, q8_0 40", null)]
    [InlineData(FileType.Q4_K_M, "q4_K 60, q6_K 40", FileType.Q4_K_M)]
    // Rows that no K-quant fits fall back to larger types.
    [InlineData(FileType.Q4_K_M, "q5_0 100", FileType.Q4_K_M)]
    // A small model whose embeddings outweigh the rest.
    [InlineData(FileType.Q4_K_M, "q6_K 70, q4_K 30", FileType.Q4_K_M)]
    [InlineData(FileType.Q2_K, "q2_K 60, q3_K 40", FileType.Q2_K)]
    [InlineData(FileType.F16, "f16 90, f32 10", FileType.F16)]
    public void A_mix_whose_weights_contradict_its_file_type_has_none(FileType named, string shares, FileType? expected)
    {
        GgufTensorInfo[] tensors =
        [
            .. from share in shares.Split(", ")
               let parts = share.Split(' ')
               select new GgufTensorInfo($"blk.0.{parts[0]}.weight", Enum.GetValues<GgmlType>().First(type => BlockFormat.TryGet(type, out BlockFormat? format) && format.Name == parts[0]), [256, int.Parse(parts[1])]),
        ];
        using GgufFile file = GgufFiles.OpenZeros(
            "model.gguf", [GgufEntry.Create("general.architecture", "llama"), GgufEntry.Create("general.file_type", (uint)named)], tensors);
        ModelInfo info = ModelInfo.Read(file);
        Assert.Equal(expected, info.Type);
        Assert.Equal(expected?.ToString() ?? FormattableString.Invariant($"mixed, {info.BitsPerWeight:0.00} bits"), info.TypeLabel);
    }
}
