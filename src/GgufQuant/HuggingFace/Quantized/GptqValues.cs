using System.Runtime.InteropServices;
using GgufQuant.Formats;
using GgufQuant.HuggingFace.Safetensors;
using GgufQuant.HuggingFace.Tensors;

namespace GgufQuant.HuggingFace.Quantized;

/// <summary>GPTQ weights, whose rows are inputs: transposed compared with other formats.</summary>
/// <remarks>convert_hf_to_gguf's <c>dequant_gptq</c>.</remarks>
internal sealed class GptqValues : TensorValues
{
    private readonly PackedIntegers _weights;
    private readonly PackedIntegers _zeros;
    private readonly int _zeroOffset;
    private readonly Lazy<(float[] Scales, uint[] Zeros, int[] Groups)> _tables;

    private GptqValues(PackedIntegers weights, PackedIntegers zeros, TensorValues scales, TensorValues groups, int zeroOffset)
        : base(GgmlType.F32, [weights.Rows * weights.PerWord, weights.Columns])
    {
        _weights = weights;
        _zeros = zeros;
        _zeroOffset = zeroOffset;
        _tables = new(() =>
        {
            float[] scaleValues = new float[scales.Count];
            scales.ReadFloats(0, scaleValues);
            float[] groupNumbers = new float[groups.Count];
            groups.ReadFloats(0, groupNumbers);
            return (scaleValues, zeros.ReadRows(0, zeros.Rows), Array.ConvertAll(groupNumbers, number => (int)number));
        });
    }

    /// <summary>The weights of one layer.</summary>
    /// <param name="name">The layer's name, for messages.</param>
    /// <param name="weights">Packed weights, [inputs / integers per word, outputs].</param>
    /// <param name="zeros">Packed zero points, [groups, outputs / integers per word].</param>
    /// <param name="scales">Scales, [groups, outputs].</param>
    /// <param name="groups">The group of each input (<c>g_idx</c>).</param>
    /// <param name="bits">Bits per weight: 2, 4 or 8.</param>
    /// <param name="zeroOffset">What is added to zero points.</param>
    /// <exception cref="ModelFolderException">The tensors do not fit together.</exception>
    public static GptqValues Of(string name, SafetensorsTensor weights, SafetensorsTensor zeros, SafetensorsTensor scales, SafetensorsTensor groups, int bits, int zeroOffset)
    {
        PackedIntegers packed = new(weights, bits);
        PackedIntegers packedZeros = new(zeros, bits);
        if (scales.Shape is not [var count, var outputs] || outputs != packed.Columns || packedZeros.Rows != count || packedZeros.Columns * packed.PerWord != outputs
            || groups.Shape is not [var inputs] || inputs != packed.Rows * packed.PerWord)
        {
            throw new ModelFolderException(weights.File.Path, $"the tensors of '{name}' do not fit together: {weights}, {zeros}, {scales}, {groups}");
        }
        return new GptqValues(packed, packedZeros, StoredValues.Of(scales), StoredValues.Of(groups), zeroOffset);
    }

    public override void Read(long first, Span<byte> destination)
    {
        Span<float> values = MemoryMarshal.Cast<byte, float>(destination);
        (float[] scales, uint[] zeros, int[] groups) = _tables.Value;
        while (!values.IsEmpty)
        {
            (long row, long column) = Math.DivRem(first, RowLength);
            int count = (int)Math.Min(values.Length, RowLength - column);
            uint[] words = _weights.ReadRows(row / _weights.PerWord, 1);
            long group = groups[row];
            if (group < 0 || (group + 1) * RowLength > scales.Length)
                throw new ModelFolderException("g_idx", $"an input belongs to group {group}, but there are only {scales.Length / RowLength} groups");
            for (int i = 0; i < count; i++)
            {
                long output = column + i;
                int zero = _zeros.Unpack(zeros[(group * _zeros.Columns) + (output / _zeros.PerWord)], output % _zeros.PerWord) + _zeroOffset;
                values[i] = scales[(group * RowLength) + output] * (_weights.Unpack(words[output], row % _weights.PerWord) - zero);
            }
            values = values[count..];
            first += count;
        }
    }
}
