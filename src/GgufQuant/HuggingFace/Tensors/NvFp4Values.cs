using System.Buffers;
using GgufQuant.Formats;
using GgufQuant.HuggingFace.Safetensors;

namespace GgufQuant.HuggingFace.Tensors;

/// <summary>ggml's NVFP4 blocks, repacked losslessly from ModelOpt's packed weights and scales.</summary>
/// <remarks>
/// A block has four scales of 16 elements each, whose sign is cleared, and 32 bytes. Stored byte k holds elements 2k and 2k + 1;
/// of each 16 elements, ggml's byte j holds elements j and j + 8. convert_hf_to_gguf's <c>_nvfp4_pack</c>.
/// </remarks>
internal sealed class NvFp4Values : TensorValues
{
    private const int Scales = 4;
    private const int GroupBytes = 8;
    private const int PackedBytes = Scales * GroupBytes;

    private readonly SafetensorsTensor _weight;
    private readonly SafetensorsTensor _scale;

    private NvFp4Values(SafetensorsTensor weight, SafetensorsTensor scale)
        : base(GgmlType.NVFP4, [weight.Shape[0], weight.Shape[1] * 2])
    {
        _weight = weight;
        _scale = scale;
    }

    /// <summary>Combines a matrix of packed values with one of scales.</summary>
    /// <exception cref="ModelFolderException">The two do not fit together.</exception>
    public static NvFp4Values Of(SafetensorsTensor weight, SafetensorsTensor scale)
    {
        if (weight.Type.Name != "U8" || scale.Type.Name != "F8_E4M3" || weight.Shape is not [var rows, var bytes] || scale.Shape is not [var scaleRows, var groups]
            || rows != scaleRows || bytes != groups * GroupBytes || groups % Scales != 0)
        {
            throw new ModelFolderException(weight.File.Path, $"the NVFP4 tensors {weight} and {scale} do not fit together");
        }
        return new NvFp4Values(weight, scale);
    }

    public override void Read(long first, Span<byte> destination)
    {
        long block = first / Format.BlockSize;
        int count = destination.Length / Format.BlockBytes;
        byte[] packed = ArrayPool<byte>.Shared.Rent(count * PackedBytes);
        byte[] scales = ArrayPool<byte>.Shared.Rent(count * Scales);
        _weight.Read(block * PackedBytes, packed.AsSpan(0, count * PackedBytes));
        _scale.Read(block * Scales, scales.AsSpan(0, count * Scales));
        for (int i = 0; i < count; i++)
        {
            Span<byte> target = destination.Slice(i * Format.BlockBytes, Format.BlockBytes);
            for (int scale = 0; scale < Scales; scale++)
                target[scale] = (byte)(scales[(i * Scales) + scale] & 0x7F);
            for (int group = 0; group < Scales; group++)
            {
                ReadOnlySpan<byte> source = packed.AsSpan((i * PackedBytes) + (group * GroupBytes), GroupBytes);
                for (int j = 0; j < GroupBytes; j++)
                    target[Scales + (group * GroupBytes) + j] = (byte)(Nibble(source, j) | (Nibble(source, j + GroupBytes) << 4));
            }
        }
        ArrayPool<byte>.Shared.Return(packed);
        ArrayPool<byte>.Shared.Return(scales);
    }

    private static int Nibble(ReadOnlySpan<byte> packed, int element) => (packed[element / 2] >> (4 * (element % 2))) & 15;
}
