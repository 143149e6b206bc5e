using GgufQuant.Formats;
using GgufQuant.Gguf;

namespace GgufQuant.Tests.Formats;

/// <summary>What adding a block format takes: the steps that CONTRIBUTING.md names, and no others.</summary>
public sealed class NewFormatTests
{
    private static readonly BlockFormat s_format = BlockFormat.Of<TOY2>();
    private static readonly byte[] s_blocks = [0x00, 0x3C, 0b01_00_10_01, 0x00, 0x40, 0b10_01_01_00];

    [Fact]
    public void Its_blocks_are_quantized_and_read()
    {
        float[] weights = [0, 1, -1, 0, -2, 0, 0, 2];
        byte[] blocks = new byte[s_format.ByteCount(weights.Length)];
        s_format.Quantize(weights, weights.Length, [], blocks);
        Assert.Equal(s_blocks, blocks);

        float[] read = new float[weights.Length];
        s_format.Dequantize(blocks, read);
        Assert.Equal(weights, read);
    }

    [Fact]
    public void Its_declared_fields_are_swapped_in_big_endian_files()
    {
        byte[] blocks = [.. s_blocks];
        ByteOrder.SwapBlocks(blocks, s_format);
        Assert.Equal([0x3C, 0x00, 0b01_00_10_01, 0x40, 0x00, 0b10_01_01_00], blocks);
    }

    [Fact]
    public void Its_declared_scales_are_validated()
    {
        byte[] blocks = [.. s_blocks];
        Assert.Equal(-1, BlockValidation.FindInvalid(s_format, blocks));
        blocks[4] = 0x7C;
        Assert.Equal(1, BlockValidation.FindInvalid(s_format, blocks));
    }

    [Fact]
    public void A_format_that_declares_no_fields_is_rejected() =>
        Assert.Throws<InvalidOperationException>(() => BlockFormat.Of<Undeclared>());

    [Fact]
    public void The_example_in_CONTRIBUTING_is_the_one_tested_here()
    {
        string root = Repository.PathOf();
        string source = File.ReadAllText(Path.Combine(root, "tests", "GgufQuant.Tests", "Formats", "TOY2.cs"));
        Assert.Contains(source[source.IndexOf("internal readonly struct", StringComparison.Ordinal)..], File.ReadAllText(Path.Combine(root, "CONTRIBUTING.md")));
    }

    private readonly struct Undeclared : IQuantizableFormat
    {
        public static GgmlType Type => TOY2.Type;

        public static string Name => "undeclared";

        public static int BlockSize => TOY2.BlockSize;

        public static int BlockBytes => TOY2.BlockBytes;

        public static BlockLayout Layout => new();

        public static bool IsQuantized => true;

        public static ImatrixSupport Importance => TOY2.Importance;

        public static void Dequantize(ReadOnlySpan<byte> blocks, Span<float> weights) => TOY2.Dequantize(blocks, weights);

        public static void Quantize(ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks) =>
            TOY2.Quantize(weights, rowLength, importance, blocks);
    }
}
