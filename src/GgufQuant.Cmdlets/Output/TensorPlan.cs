using GgufQuant.Formats;
using GgufQuant.Planning;

namespace GgufQuant.Commands;

/// <summary>What would become of one tensor.</summary>
public sealed class TensorPlan
{
    private readonly PlannedTensor _tensor;
    private readonly AllocatedType? _allocated;

    internal TensorPlan(PlannedTensor tensor, AllocatedType? allocated)
    {
        _tensor = tensor;
        _allocated = allocated;
    }

    /// <summary>The tensor's name in the file to be written.</summary>
    public string Name => _tensor.Name;

    /// <summary>The name of the type it would get: <c>Q4_K</c>.</summary>
    public string Type => TensorType.ToString();

    /// <summary>The type it would get.</summary>
    public GgmlType TensorType => _tensor.Target;

    /// <summary>The name of the type it has: <c>F16</c>.</summary>
    public string SourceType => _tensor.Source.Type.ToString();

    /// <summary>Weights in it.</summary>
    public long WeightCount => _tensor.Source.ElementCount;

    /// <summary>Bytes it would take.</summary>
    public long Size => _tensor.ByteCount;

    /// <summary>The rule that chose the type, in words.</summary>
    public string Rule => _tensor.Rule;

    /// <summary>The KL divergence per unit of error in its outputs; null if its type was not chosen for a size.</summary>
    public double? Coefficient => _allocated?.Coefficient;

    /// <summary>The KL divergence that it is expected to add, in nats per token; null if its type was not chosen for a size.</summary>
    public double? ExpectedDivergence => _allocated?.Divergence;

    /// <summary>The tensor's name.</summary>
    public override string ToString() => Name;
}
