using GgufQuant.Formats;
using GgufQuant.Reference;

namespace GgufQuant.Tests.Formats;

/// <summary>What counts as damaged, against <c>ggml_validate_row_data</c>.</summary>
public unsafe class BlockValidationTests
{
    public static TheoryData<GgmlType> Types =>
        [.. BlockFormat.All.Select(format => format.Type).Where(type => type != GgmlType.Q8_1)];

    [ReferenceTheory]
    [MemberData(nameof(Types))]
    public void Random_blocks_are_judged_as_ggml_judges_them(GgmlType type)
    {
        var validate = (delegate* unmanaged<int, void*, nuint, byte>)ReferenceLibrary.Base("ggml_validate_row_data");
        Random random = new(3);
        byte[] block = new byte[BlockFormat.Of(type).BlockBytes];
        for (int i = 0; i < 200; i++)
        {
            random.NextBytes(block);
            fixed (byte* data = block)
                Assert.Equal(validate((int)type, data, (nuint)block.Length) != 0, BlockValidation.FindInvalid(BlockFormat.Of(type), block) < 0);
        }
    }

    [Theory]
    [InlineData(GgmlType.F32, 0)]
    [InlineData(GgmlType.F16, 1)]
    [InlineData(GgmlType.BF16, 63)]
    [InlineData(GgmlType.F16, 64)]
    [InlineData(GgmlType.F32, 130)]
    [InlineData(GgmlType.Q4_K, 7)]
    [InlineData(GgmlType.IQ1_M, 3)]
    [InlineData(GgmlType.MXFP4, 130)]
    public void The_first_damaged_block_is_found(GgmlType type, int damaged)
    {
        int size = BlockFormat.Of(type).BlockBytes;
        byte[] blocks = new byte[131 * size];
        blocks.AsSpan(damaged * size, size).Fill(0xFF);
        blocks.AsSpan(130 * size, size).Fill(0xFF);
        Assert.Equal(damaged, BlockValidation.FindInvalid(BlockFormat.Of(type), blocks));
        Assert.Equal(-1, BlockValidation.FindInvalid(BlockFormat.Of(type), blocks.AsSpan(0, damaged * size)));
    }
}
