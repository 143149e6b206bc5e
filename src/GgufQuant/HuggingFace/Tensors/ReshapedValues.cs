using System.Collections.Immutable;

namespace GgufQuant.HuggingFace.Tensors;

/// <summary>The same values in another shape.</summary>
internal sealed class ReshapedValues : TensorValues
{
    private readonly TensorValues _source;

    public ReshapedValues(TensorValues source, ImmutableArray<long> shape)
        : base(source.Type, shape)
    {
        if (Count != source.Count)
            throw new ArgumentException($"{source.Count} values do not fit the shape [{string.Join(", ", shape)}].", nameof(shape));
        _source = source;
    }

    public override void Read(long first, Span<byte> destination) => _source.Read(first, destination);
}
