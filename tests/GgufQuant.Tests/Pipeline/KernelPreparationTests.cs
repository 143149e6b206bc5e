using GgufQuant.Formats;
using GgufQuant.Pipeline;

namespace GgufQuant.Tests.Pipeline;

/// <summary>Kernels are compiled ahead of their use, which changes nothing but the time.</summary>
public sealed class KernelPreparationTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_file_type_is_prepared_by_several_threads_and_again()
    {
        FileType[] types = Enum.GetValues<FileType>();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(i => Task.Run(() => Quantizer.Prepare(types, hasImatrix: i % 2 == 0), Token)));
        await Quantizer.Prepare(types);
        await Quantizer.Prepare(types, hasImatrix: true);
    }

    [Fact]
    public async Task No_types_and_those_that_llama_writes_no_files_of_are_nothing_to_prepare()
    {
        await Quantizer.Prepare([]);
        await Quantizer.Prepare([FileType.NVFP4, FileType.NVFP4]);
    }

    public static TheoryData<string> Formats => [.. BlockFormat.All.Select(format => format.Name)];

    [Theory]
    [MemberData(nameof(Formats))]
    public async Task A_kernel_gives_the_same_bytes_while_others_prepare_it_and_afterwards(string name)
    {
        BlockFormat format = BlockFormat.All.Single(format => format.Name == name);
        Task[] preparing = [.. Enumerable.Range(0, 4).Select(i => Task.Run(() => format.Prepare(isWeighed: i % 2 == 0), Token))];
        byte[][] before = Quantize(format);
        await Task.WhenAll(preparing);
        Assert.True(format.IsPrepared(isWeighed: false));
        Assert.True(format.IsPrepared(isWeighed: true));
        Assert.Equal(before, Quantize(format));
    }

    [Theory]
    [MemberData(nameof(Formats))]
    public async Task A_format_is_read_the_same_while_others_prepare_that_and_afterwards(string name)
    {
        BlockFormat format = BlockFormat.All.Single(format => format.Name == name);
        byte[] blocks = new byte[format.ByteCount(1024)];
        new Random(1).NextBytes(blocks);
        Task[] preparing = [.. Enumerable.Range(0, 4).Select(_ => Task.Run(format.PrepareReading, Token))];
        float[] before = new float[1024];
        format.Dequantize(blocks, before);
        await Task.WhenAll(preparing);
        Assert.True(format.IsReadingPrepared);
        float[] after = new float[1024];
        format.Dequantize(blocks, after);
        Assert.Equal(before.Select(BitConverter.SingleToInt32Bits), after.Select(BitConverter.SingleToInt32Bits));
    }

    private static byte[][] Quantize(BlockFormat format)
    {
        const int Count = 8192;
        const int RowLength = 2048;
        float[] weights = [.. Enumerable.Range(0, Count).Select(i => MathF.Sin(i * 0.37f) * MathF.Cos(i * i * 0.11f))];
        float[] importance = [.. Enumerable.Range(0, RowLength).Select(i => 1 + (i % 7))];
        return
        [
            .. from isWeighed in (bool[])[false, true]
               where format.CanQuantize && (isWeighed || format.Importance != ImatrixSupport.Required)
               select Blocks(isWeighed ? importance : []),
        ];

        byte[] Blocks(float[] factors)
        {
            byte[] blocks = new byte[format.ByteCount(Count)];
            format.Quantize(weights, RowLength, factors, blocks);
            return blocks;
        }
    }
}
