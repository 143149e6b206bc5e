using System.Runtime.InteropServices;
using GgufQuant.Formats;

namespace GgufQuant.Reference;

/// <summary>libggml-base's codecs: what a block's bytes and floats must be.</summary>
public static unsafe class ReferenceCodec
{
    private static readonly delegate* unmanaged<int, float*, void*, long, long, long, float*, nuint> s_quantize =
        (delegate* unmanaged<int, float*, void*, long, long, long, float*, nuint>)ReferenceLibrary.Base("ggml_quantize_chunk");

    private static readonly delegate* unmanaged<int, TypeTraits*> s_traits =
        (delegate* unmanaged<int, TypeTraits*>)ReferenceLibrary.Base("ggml_get_type_traits");

    /// <summary><c>ggml_quantize_chunk</c> over whole rows; <paramref name="importance"/> may be empty.</summary>
    public static byte[] Quantize(GgmlType type, ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance)
    {
        byte[] blocks = new byte[BlockFormat.Of(type).ByteCount(weights.Length)];
        Quantize(type, weights, rowLength, importance, blocks);
        return blocks;
    }

    /// <summary><c>ggml_quantize_chunk</c> into the given bytes.</summary>
    public static void Quantize(
        GgmlType type, ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks)
    {
        fixed (float* source = weights, factors = importance)
        fixed (byte* destination = blocks)
        {
            nuint written = s_quantize((int)type, source, destination, 0, weights.Length / rowLength, rowLength, factors);
            if (written != (nuint)BlockFormat.Of(type).ByteCount(weights.Length))
                throw new InvalidOperationException($"ggml wrote {written} bytes of {type}.");
        }
    }

    /// <summary>ggml's <c>to_float</c> over whole blocks.</summary>
    public static void Dequantize(GgmlType type, ReadOnlySpan<byte> blocks, Span<float> weights)
    {
        TypeTraits* traits = s_traits((int)type);
        if (traits->ToFloat is null)
            throw new NotSupportedException($"ggml has no to_float for {type}.");
        fixed (byte* source = blocks)
        fixed (float* destination = weights)
            traits->ToFloat(source, destination, weights.Length);
    }

    /// <summary>What ggml says of a type: name, weights per block, bytes per block, whether it is quantized, whether it reads as floats.</summary>
    public static (string? Name, long BlockSize, long BlockBytes, bool IsQuantized, bool HasToFloat) Describe(GgmlType type)
    {
        TypeTraits* traits = s_traits((int)type);
        return (Marshal.PtrToStringUTF8(traits->TypeName), traits->BlockSize, (long)traits->TypeSize, traits->IsQuantized != 0, traits->ToFloat is not null);
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct TypeTraits
    {
        public nint TypeName;
        public long BlockSize;
        public long BlockSizeInterleave;
        public nuint TypeSize;
        public byte IsQuantized;
        public delegate* unmanaged<void*, float*, long, void> ToFloat;
        public nint FromFloatRef;
    }
}
