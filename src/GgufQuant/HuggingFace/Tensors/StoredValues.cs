using System.Buffers;
using System.Collections.Frozen;
using System.Runtime.InteropServices;
using GgufQuant.Formats;
using GgufQuant.HuggingFace.Safetensors;

namespace GgufQuant.HuggingFace.Tensors;

/// <summary>A tensor as stored in its file; types other than F32, F16 and BF16 are widened to F32.</summary>
internal sealed class StoredValues : TensorValues
{
    private delegate void Conversion(ReadOnlySpan<byte> source, Span<float> destination);

    private static readonly FrozenDictionary<string, GgmlType> s_floats = new Dictionary<string, GgmlType>
    {
        ["F32"] = GgmlType.F32,
        ["F16"] = GgmlType.F16,
        ["BF16"] = GgmlType.BF16,
    }.ToFrozenDictionary();

    private static readonly FrozenDictionary<string, Conversion> s_conversions = new Dictionary<string, Conversion>
    {
        ["F64"] = (source, destination) => Convert(MemoryMarshal.Cast<byte, double>(source), destination),
        ["I64"] = (source, destination) => Convert(MemoryMarshal.Cast<byte, long>(source), destination),
        ["I32"] = (source, destination) => Convert(MemoryMarshal.Cast<byte, int>(source), destination),
        ["I16"] = (source, destination) => Convert(MemoryMarshal.Cast<byte, short>(source), destination),
        ["I8"] = (source, destination) => Convert(MemoryMarshal.Cast<byte, sbyte>(source), destination),
        ["U8"] = Convert,
        ["BOOL"] = Convert,
        ["F8_E4M3"] = (source, destination) => LookUp(Float8.E4M3, source, destination),
        ["F8_E5M2"] = (source, destination) => LookUp(Float8.E5M2, source, destination),
        ["F8_E8M0"] = (source, destination) => LookUp(Float8.E8M0, source, destination),
    }.ToFrozenDictionary();

    private readonly SafetensorsTensor _tensor;
    private readonly Conversion? _conversion;

    private StoredValues(SafetensorsTensor tensor, GgmlType type, Conversion? conversion)
        : base(type, tensor.Shape)
    {
        _tensor = tensor;
        _conversion = conversion;
    }

    /// <summary>The values of a tensor.</summary>
    /// <exception cref="ModelFolderException">Its type cannot be read.</exception>
    public static StoredValues Of(SafetensorsTensor tensor)
    {
        if (s_floats.TryGetValue(tensor.Type.Name, out GgmlType type))
            return new StoredValues(tensor, type, null);
        if (s_conversions.TryGetValue(tensor.Type.Name, out Conversion? conversion))
            return new StoredValues(tensor, GgmlType.F32, conversion);
        throw new ModelFolderException(tensor.File.Path, $"the tensor '{tensor.Name}' is of type {tensor.Type}, which llama.cpp's converter does not read either");
    }

    public override void Read(long first, Span<byte> destination)
    {
        if (_conversion is null)
        {
            _tensor.Read(first * Format.BlockBytes, destination);
            return;
        }
        Span<float> floats = MemoryMarshal.Cast<byte, float>(destination);
        int width = _tensor.Type.Bits / 8;
        byte[] buffer = ArrayPool<byte>.Shared.Rent(floats.Length * width);
        Span<byte> raw = buffer.AsSpan(0, floats.Length * width);
        _tensor.Read(first * width, raw);
        _conversion(raw, floats);
        ArrayPool<byte>.Shared.Return(buffer);
    }

    private static void LookUp(ReadOnlySpan<float> table, ReadOnlySpan<byte> source, Span<float> destination)
    {
        for (int i = 0; i < source.Length; i++)
            destination[i] = table[source[i]];
    }

    private static void Convert<T>(ReadOnlySpan<T> source, Span<float> destination)
        where T : System.Numerics.INumberBase<T>
    {
        for (int i = 0; i < source.Length; i++)
            destination[i] = float.CreateTruncating(source[i]);
    }
}
