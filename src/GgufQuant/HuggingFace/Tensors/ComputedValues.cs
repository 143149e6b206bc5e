using System.Buffers;
using GgufQuant.Formats;

namespace GgufQuant.HuggingFace.Tensors;

/// <summary>Each value replaced by a function of its row's index and of the value.</summary>
internal sealed class ComputedValues(TensorValues source, GgmlType type, Func<long, float, float> function) : TensorValues(type, source.Shape)
{
    public override void Read(long first, Span<byte> destination)
    {
        int count = destination.Length / Format.BlockBytes;
        float[] buffer = ArrayPool<float>.Shared.Rent(count);
        Span<float> values = buffer.AsSpan(0, count);
        source.ReadFloats(first, values);
        for (int done = 0; done < count;)
        {
            (long row, long column) = Math.DivRem(first + done, RowLength);
            int end = (int)Math.Min(count, done + RowLength - column);
            foreach (ref float value in values[done..end])
                value = function(row, value);
            done = end;
        }
        Format.Quantize(values, count, default, destination);
        ArrayPool<float>.Shared.Return(buffer);
    }
}
