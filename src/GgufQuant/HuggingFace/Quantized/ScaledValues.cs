using System.Runtime.InteropServices;
using GgufQuant.Formats;
using GgufQuant.HuggingFace.Tensors;

namespace GgufQuant.HuggingFace.Quantized;

/// <summary>Weights with scales: one for all, one per row, or one per block.</summary>
/// <remarks>convert_hf_to_gguf's <c>dequant_simple</c>: dimensions are aligned at the first, and the last blocks may be partial.</remarks>
internal sealed class ScaledValues : TensorValues
{
    private readonly TensorValues _weights;
    private readonly Lazy<float[]> _scales;
    private readonly long[] _blocks;
    private readonly long[] _strides;

    private ScaledValues(TensorValues weights, TensorValues scales, long[] blocks, long[] strides)
        : base(GgmlType.F32, weights.Shape)
    {
        _weights = weights;
        _blocks = blocks;
        _strides = strides;
        _scales = new(() =>
        {
            float[] values = new float[scales.Count];
            scales.ReadFloats(0, values);
            return values;
        });
    }

    /// <summary>Multiplies weights by scales.</summary>
    /// <param name="folder">The model's folder, for messages.</param>
    /// <param name="name">The name of the weights, for messages.</param>
    /// <param name="weights">The weights.</param>
    /// <param name="scales">The scales.</param>
    /// <param name="blockSize">The size of a block in the last dimensions; empty if there are none.</param>
    /// <exception cref="ModelFolderException">There are too few scales.</exception>
    public static ScaledValues Of(string folder, string name, TensorValues weights, TensorValues scales, long[] blockSize)
    {
        int dimensions = weights.Shape.Length;
        long[] blocks = new long[dimensions];
        long[] strides = new long[dimensions];
        long stride = 1;
        for (int d = dimensions - 1; d >= 0; d--)
        {
            long count = d < scales.Shape.Length ? scales.Shape[d] : 1;
            int axis = d - (scales.Shape.Length - blockSize.Length);
            blocks[d] = axis >= 0 && axis < blockSize.Length ? blockSize[axis] : 1;
            bool isBroadcast = count == 1 && blocks[d] == 1;
            if (blocks[d] <= 0 || (!isBroadcast && count < (weights.Shape[d] + blocks[d] - 1) / blocks[d]))
                throw new ModelFolderException(folder, $"the scales of '{name}' have the shape [{string.Join(", ", scales.Shape)}], which does not match [{string.Join(", ", weights.Shape)}]");
            strides[d] = isBroadcast ? 0 : stride;
            stride *= count;
        }
        return new ScaledValues(weights, scales, blocks, strides);
    }

    public override void Read(long first, Span<byte> destination)
    {
        Span<float> values = MemoryMarshal.Cast<byte, float>(destination);
        _weights.ReadFloats(first, values);
        float[] scales = _scales.Value;
        if (Shape.IsEmpty)
        {
            values[0] *= scales[0];
            return;
        }
        (long blockColumns, long stride) = (_blocks[^1], _strides[^1]);
        while (!values.IsEmpty)
        {
            (long row, long column) = Math.DivRem(first, RowLength);
            int count = (int)Math.Min(values.Length, RowLength - column);
            long start = StartOf(row);
            for (int i = 0; i < count; i++)
                values[i] *= scales[start + ((column + i) / blockColumns * stride)];
            values = values[count..];
            first += count;
        }
    }

    private long StartOf(long row)
    {
        long start = 0;
        for (int d = Shape.Length - 2; d >= 0; d--)
        {
            (row, long index) = Math.DivRem(row, Shape[d]);
            start += index / _blocks[d] * _strides[d];
        }
        return start;
    }
}
