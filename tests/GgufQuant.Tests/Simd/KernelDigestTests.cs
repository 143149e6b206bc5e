using System.Security.Cryptography;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Reference;

namespace GgufQuant.Tests.Simd;

/// <summary>Every kernel writes the committed bytes at every lane width, on every platform.</summary>
/// <remarks>
/// Without the processor's instructions, the 128-bit lanes take the same branches as on arm64. The digests are renewed
/// with <c>GGUFQUANT_UPDATE_GOLDEN=1</c>, and only of blocks that ggml v0.5.0 writes too.
/// </remarks>
public sealed class KernelDigestTests : IClassFixture<LaneWidth>
{
    private const int RowsPerKernel = 24;
    private const string None = "-";

    private static readonly string s_path = Repository.PathOf("tests", "GgufQuant.Tests", "Simd", "kernel-digests.txt");
    private static readonly Lazy<(float[] Weights, int RowLength)> s_rows = new(ReadRows);

    public static TheoryData<string, int> Kernels => [.. from kernel in LaneKernel.Quantizers from bits in LaneKernel.Widths.Prepend(0) select (kernel.Name, bits)];

    [Theory]
    [MemberData(nameof(Kernels))]
    public void A_kernel_writes_the_committed_blocks(string name, int bits)
    {
        LaneKernel kernel = LaneKernel.Quantizers.Single(kernel => kernel.Name == name);
        Assert.Equal(Golden.Read(s_path)[KeyOf(kernel)], Digests(kernel, bits, isCompared: false));
    }

    [ReferenceFact(ReferenceKind.Npm)]
    public void The_digests_are_of_blocks_that_ggml_writes()
    {
        if (Golden.IsUpdated)
        {
            Golden.Write(
                s_path, "SHA-256 of rows of the sample model that each kernel has quantized, without and with importance; - where it takes none or needs some.",
                LaneKernel.Quantizers.Select(kernel => $"{KeyOf(kernel)} {string.Join(' ', Digests(kernel, bits: 0, isCompared: true))}"));
        }
        Assert.Equal(LaneKernel.Quantizers.Select(KeyOf), Golden.Read(s_path).Keys);
    }

    private static string KeyOf(LaneKernel kernel) => kernel.Name.Replace(" ", "", StringComparison.Ordinal);

    private static string[] Digests(LaneKernel kernel, int bits, bool isCompared)
    {
        (float[] weights, int rowLength) = s_rows.Value;
        // Whole numbers, which every platform has alike.
        float[] importance = [.. Enumerable.Range(0, rowLength).Select(i => 1f + (i * 37 % 101))];
        return
        [
            kernel.Importance == ImatrixSupport.Required ? None : Digest([]),
            kernel.Importance == ImatrixSupport.Ignored ? None : Digest(importance),
        ];

        string Digest(float[] factors)
        {
            byte[] blocks = kernel.Quantize(bits, weights, rowLength, factors);
            if (isCompared)
                Assert.Equal(ReferenceCodec.Quantize(kernel.Format.Type, weights, rowLength, factors), blocks);
            return Convert.ToHexStringLower(SHA256.HashData(blocks));
        }
    }

    private static (float[] Weights, int RowLength) ReadRows()
    {
        using GgufFile model = GgufFile.Open(Sample.Model);
        GgufTensor tensor = model.FindTensor("blk.0.ffn_down.weight")!;
        byte[] bytes = new byte[tensor.Format.ByteCount(RowsPerKernel * tensor.RowLength)];
        model.Read(tensor, 0, bytes);
        float[] weights = new float[RowsPerKernel * tensor.RowLength];
        tensor.Format.Dequantize(bytes, weights);
        return (weights, (int)tensor.RowLength);
    }
}
