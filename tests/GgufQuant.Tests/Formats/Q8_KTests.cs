using GgufQuant.Formats;
using GgufQuant.Reference;

namespace GgufQuant.Tests.Formats;

/// <summary>ggml's type table cannot read q8_K, but libggml-base has the function.</summary>
public unsafe class Q8_KTests
{
    [ReferenceFact(ReferenceKind.Exact)]
    public void Blocks_read_as_ggml_reads_them()
    {
        var read = (delegate* unmanaged<byte*, float*, long, void>)ReferenceLibrary.Base("dequantize_row_q8_K");
        byte[] blocks = new byte[16 * Q8_K.BlockBytes];
        new Random(3).NextBytes(blocks);
        float[] expected = new float[16 * Q8_K.BlockSize];
        float[] actual = new float[expected.Length];
        fixed (byte* source = blocks)
        fixed (float* destination = expected)
            read(source, destination, expected.Length);
        BlockFormat.Of(GgmlType.Q8_K).Dequantize(blocks, actual);
        Assert.Equal(expected.Select(BitConverter.SingleToInt32Bits), actual.Select(BitConverter.SingleToInt32Bits));
    }
}
