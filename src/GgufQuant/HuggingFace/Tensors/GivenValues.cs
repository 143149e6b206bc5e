using System.Collections.Immutable;
using System.Runtime.InteropServices;
using GgufQuant.Formats;

namespace GgufQuant.HuggingFace.Tensors;

/// <summary>Computed F32 values that are in no file.</summary>
internal sealed class GivenValues(float[] values, ImmutableArray<long> shape) : TensorValues(GgmlType.F32, shape)
{
    public GivenValues(float[] values)
        : this(values, [values.Length])
    {
    }

    public override void Read(long first, Span<byte> destination) =>
        MemoryMarshal.AsBytes(values.AsSpan())[((int)first * sizeof(float))..][..destination.Length].CopyTo(destination);
}
