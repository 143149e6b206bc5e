using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Models;
using GgufQuant.Planning;

namespace GgufQuant.Allocation;

/// <summary>The smallest and the largest file that the allowed types can produce.</summary>
public sealed class SizeReach
{
    private readonly GgufFile _source;
    private readonly ModelShape _shape;

    private SizeReach(GgufFile source, QuantizationPlan smallest, QuantizationPlan largest)
    {
        _source = source;
        _shape = ModelShape.Read(source);
        Smallest = smallest;
        Largest = largest;
    }

    /// <summary>The smallest file, planned for its size only.</summary>
    internal QuantizationPlan Smallest { get; }

    /// <summary>The largest file, planned for its size only.</summary>
    internal QuantizationPlan Largest { get; }

    /// <summary>The sizes for a model without a calibration yet, assuming that it will have importance for every tensor.</summary>
    /// <param name="source">The model.</param>
    /// <param name="options">The types fixed for single tensors.</param>
    /// <param name="allowed">The types to choose from; null for all.</param>
    /// <exception cref="QuantizationException">No tensor is left to choose a type for, or the model is already quantized.</exception>
    public static SizeReach BeforeCalibration(GgufFile source, QuantizationOptions options, IReadOnlyCollection<GgmlType>? allowed)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(options);
        IReadOnlyList<OpenTensor> tensors = OpenTensor.Of(source, options, allowed, _ => true);
        // The file will name its calibration.
        GgufEntry id = GgufEntry.Create(GgufKeys.CalibrationId, new string('0', 64));
        return Of(source, options with { Metadata = [.. options.Metadata, id] }, tensors);
    }

    /// <summary>The sizes for tensors whose types are up for choice.</summary>
    internal static SizeReach Of(GgufFile source, QuantizationOptions options, IReadOnlyList<OpenTensor> tensors)
    {
        QuantizationPlan With(Func<OpenTensor, GgmlType> type) => QuantizationPlan.CreateForSize(source, TypeAllocator.AnyType, options with
        {
            Allocation = new(tensors.ToDictionary(tensor => tensor.Name, tensor => new AllocatedType(type(tensor), tensor.Group, 0, 0), StringComparer.Ordinal)),
        });
        return new(source, With(tensor => tensor.Types[0]), With(tensor => tensor.Types[^1]));
    }

    /// <summary>Checks that a target is possible.</summary>
    /// <exception cref="QuantizationException">The file would be larger even with the smallest types, or smaller even with the largest.</exception>
    public void Check(SizeTarget target)
    {
        (SizeTarget smallest, SizeTarget largest) = (SizeOf(Smallest, target), SizeOf(Largest, target));
        // Leftover memory is fine.
        if (target.Amount >= smallest.Amount && (target.Amount <= largest.Amount || target.Memory is not null))
            return;
        if (target.Run?.GpuMemory is not null)
        {
            throw new QuantizationException(
                $"'{_source.Path}' cannot be quantized to {target} beside a card with {target.Run.GpuMemory:N0} bytes: with the types that may be chosen, the smallest file takes {smallest} of the host. A shorter -ContextLength or a smaller -CacheType takes less.");
        }
        if (target.Memory is not null)
        {
            throw new QuantizationException(
                $"'{_source.Path}' cannot be quantized to {target}: with the types that may be chosen, the smallest file takes {smallest}, {MemoryBesideWeights(target):N0} bytes of it for a context of {EstimateFor(target).ContextLength:N0} tokens and buffers. A shorter -ContextLength or a smaller -CacheType takes less.");
        }
        (SizeTarget least, SizeTarget most) = target.Bytes is null
            ? (SizeTarget.OfBitsPerWeight(Math.Ceiling(smallest.Amount * 1e4) / 1e4), SizeTarget.OfBitsPerWeight(Math.Floor(largest.Amount * 1e4) / 1e4))
            : (smallest, largest);
        throw new QuantizationException($"'{_source.Path}' cannot be quantized to {target}: with the types that may be chosen, the smallest file has {least}, the largest {most}.");
    }

    /// <summary>The size of a planned file, in the unit of a target.</summary>
    internal SizeTarget SizeOf(QuantizationPlan plan, SizeTarget target) =>
        target.Bytes is not null ? SizeTarget.OfBytes(plan.TotalBytes)
        : target.Run is { } run ? SizeTarget.OfMemory(run.GpuMemory is null ? plan.TensorBytes + MemoryBesideWeights(target) : HostMemory(plan, run), run)
        : SizeTarget.OfBitsPerWeight(plan.Weights == 0 ? 0 : 8.0 * plan.TensorBytes / plan.Weights);

    /// <summary>Memory in bytes that a target without a GPU needs for the context and the buffers.</summary>
    internal long MemoryBesideWeights(SizeTarget target) => EstimateFor(target).Total;

    private MemoryEstimate EstimateFor(SizeTarget target) => MemoryEstimate.Of(0, _shape, target.Run);

    // What remains beside the layers that fit on the GPU.
    private long HostMemory(QuantizationPlan plan, MemoryOptions run)
    {
        ModelWeights weights = ModelWeights.Of(plan.Tensors.Select(tensor => (tensor.Name, tensor.ByteCount)), _shape);
        MemoryEstimate estimate = MemoryEstimate.Of(weights, _shape, run);
        return estimate.Placement is { Fits: true } placement ? placement.Host.Total : estimate.Total;
    }
}
