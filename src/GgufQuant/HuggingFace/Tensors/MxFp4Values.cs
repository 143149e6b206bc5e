using System.Buffers;
using System.Collections.Immutable;
using GgufQuant.Formats;
using GgufQuant.HuggingFace.Safetensors;

namespace GgufQuant.HuggingFace.Tensors;

/// <summary>ggml's MXFP4 blocks, repacked losslessly from the OCP format.</summary>
/// <remarks>
/// A block is its scale and 16 bytes. Stored byte k holds elements 2k and 2k + 1; ggml's byte j holds elements j and j + 16.
/// </remarks>
internal sealed class MxFp4Values : TensorValues
{
    private const int PackedBytes = 16;

    private readonly SafetensorsTensor _blocks;
    private readonly SafetensorsTensor _scales;

    private MxFp4Values(SafetensorsTensor blocks, SafetensorsTensor scales, ImmutableArray<long> shape)
        : base(GgmlType.MXFP4, shape)
    {
        _blocks = blocks;
        _scales = scales;
    }

    /// <summary>Combines a tensor of packed values, whose last dimension is 16, with one of scales.</summary>
    /// <exception cref="ModelFolderException">The two do not fit together.</exception>
    public static MxFp4Values Of(SafetensorsTensor blocks, SafetensorsTensor scales)
    {
        if (blocks.Type.Name != "U8" || scales.Type.Name != "U8" || blocks.Shape is not [.., PackedBytes] || !blocks.Shape.AsSpan()[..^1].SequenceEqual(scales.Shape.AsSpan()) || scales.Shape.Length < 2)
            throw new ModelFolderException(blocks.File.Path, $"the MXFP4 tensors {blocks} and {scales} do not fit together");
        return new MxFp4Values(blocks, scales, [.. scales.Shape[..^1], scales.Shape[^1] * 2 * PackedBytes]);
    }

    public override void Read(long first, Span<byte> destination)
    {
        long block = first / Format.BlockSize;
        int count = destination.Length / Format.BlockBytes;
        byte[] packed = ArrayPool<byte>.Shared.Rent(count * PackedBytes);
        byte[] scales = ArrayPool<byte>.Shared.Rent(count);
        _blocks.Read(block * PackedBytes, packed.AsSpan(0, count * PackedBytes));
        _scales.Read(block, scales.AsSpan(0, count));
        for (int i = 0; i < count; i++)
        {
            Span<byte> target = destination.Slice(i * Format.BlockBytes, Format.BlockBytes);
            ReadOnlySpan<byte> source = packed.AsSpan(i * PackedBytes, PackedBytes);
            target[0] = scales[i];
            for (int j = 0; j < PackedBytes; j++)
                target[1 + j] = (byte)(Nibble(source, j) | (Nibble(source, j + PackedBytes) << 4));
        }
        ArrayPool<byte>.Shared.Return(packed);
        ArrayPool<byte>.Shared.Return(scales);
    }

    private static int Nibble(ReadOnlySpan<byte> packed, int element) => (packed[element / 2] >> (4 * (element % 2))) & 15;
}
