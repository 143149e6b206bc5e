using System.Runtime.InteropServices;
using GgufQuant.Formats;
using GgufQuant.HuggingFace.Safetensors;
using GgufQuant.HuggingFace.Tensors;

namespace GgufQuant.HuggingFace.Quantized;

/// <summary>Weights that compressed-tensors packs into words, with one scale per group within a row.</summary>
/// <remarks>convert_hf_to_gguf's <c>dequant_packed</c>.</remarks>
internal sealed class PackedValues : TensorValues
{
    private readonly PackedIntegers _weights;
    private readonly PackedIntegers? _zeros;
    private readonly long _groupSize;
    private readonly int _middle;
    private readonly Lazy<(float[] Scales, uint[] Zeros)> _tables;

    private PackedValues(PackedIntegers weights, PackedIntegers? zeros, TensorValues scales, long rows, long columns, int bits, long groupSize)
        : base(GgmlType.F32, [rows, columns])
    {
        _weights = weights;
        _zeros = zeros;
        _groupSize = groupSize;
        _middle = 1 << (bits - 1);
        _tables = new(() =>
        {
            float[] values = new float[scales.Count];
            scales.ReadFloats(0, values);
            return (values, zeros?.ReadRows(0, zeros.Rows) ?? []);
        });
    }

    /// <summary>The weights of one layer.</summary>
    /// <param name="name">The layer's name, for messages.</param>
    /// <param name="weights">Packed weights, along the rows.</param>
    /// <param name="scales">Scales, [rows, groups].</param>
    /// <param name="shape">The rows and columns before they were packed.</param>
    /// <param name="zeros">Zero points, packed along the columns of scales; null if they are the middle of the range.</param>
    /// <param name="bits">Bits per weight.</param>
    /// <param name="groupSize">Weights per group.</param>
    /// <exception cref="ModelFolderException">The tensors do not fit together.</exception>
    public static PackedValues Of(string name, SafetensorsTensor weights, SafetensorsTensor scales, SafetensorsTensor shape, SafetensorsTensor? zeros, int bits, long groupSize)
    {
        PackedIntegers packed = new(weights, bits);
        PackedIntegers? packedZeros = zeros is null ? null : new(zeros, bits);
        float[] size = new float[shape.Shape is [2] ? 2 : 0];
        StoredValues.Of(shape).ReadFloats(0, size);
        if (size is not [var rows, var columns] || packed.Rows != rows || packed.Columns * packed.PerWord < columns || columns <= 0 || groupSize <= 0
            || scales.Shape is not [var scaleRows, var groups] || scaleRows != rows || groups * groupSize != columns
            || (packedZeros is not null && (packedZeros.Rows * packedZeros.PerWord < rows || packedZeros.Columns != groups)))
        {
            throw new ModelFolderException(weights.File.Path, $"the tensors of '{name}' do not fit together: {weights}, {scales}, {shape}");
        }
        return new PackedValues(packed, packedZeros, StoredValues.Of(scales), (long)rows, (long)columns, bits, groupSize);
    }

    public override void Read(long first, Span<byte> destination)
    {
        Span<float> values = MemoryMarshal.Cast<byte, float>(destination);
        (float[] scales, uint[] zeros) = _tables.Value;
        long groups = RowLength / _groupSize;
        while (!values.IsEmpty)
        {
            (long row, long column) = Math.DivRem(first, RowLength);
            int count = (int)Math.Min(values.Length, RowLength - column);
            uint[] words = _weights.ReadRows(row, 1);
            for (int i = 0; i < count; i++)
            {
                (long word, long slot) = Math.DivRem(column + i, _weights.PerWord);
                long group = (column + i) / _groupSize;
                int zero = _zeros is null ? _middle : _zeros.Unpack(zeros[(row / _zeros.PerWord * groups) + group], row % _zeros.PerWord);
                values[i] = (_weights.Unpack(words[word], slot) - zero) * scales[(row * groups) + group];
            }
            values = values[count..];
            first += count;
        }
    }
}
