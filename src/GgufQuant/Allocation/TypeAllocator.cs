using GgufQuant.Calibration;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Models;
using GgufQuant.Planning;

namespace GgufQuant.Allocation;

/// <summary>Chooses the types of a model's tensors so that the file gets a size and its predictions change least.</summary>
/// <remarks>
/// The KL divergence of the whole file is close to the sum of what its tensors add, and what a tensor adds to its
/// coefficient times the error of its outputs, whatever the type (docs/quality-per-byte.md).
/// </remarks>
public sealed class TypeAllocator
{
    // Chooses nothing, but every plan has one.
    private const FileType AnyType = FileType.Q4_K_M;

    private readonly GgufFile _source;
    private readonly QuantizationOptions _options;
    private readonly CalibrationFile _calibration;
    private readonly IReadOnlyList<OpenTensor> _tensors;
    private readonly QuantizationPlan _smallest;
    private readonly QuantizationPlan _largest;

    /// <summary>Prepares to choose.</summary>
    /// <param name="source">The model; it must stay open.</param>
    /// <param name="options">The calibration, and types for single tensors, which are not up for choice.</param>
    /// <param name="allowed">The types to choose from; null for all.</param>
    /// <exception cref="QuantizationException">No tensor is left to choose a type for, or the model is quantized already.</exception>
    /// <exception cref="CalibrationException">The calibration is of another model.</exception>
    public TypeAllocator(GgufFile source, QuantizationOptions options, IReadOnlyCollection<GgmlType>? allowed)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(options);
        _source = source;
        _options = options;
        _calibration = options.Calibration ?? throw new ArgumentException("An allocation needs a calibration.", nameof(options));
        _calibration.CheckModel(source);
        int layers = TensorGroups.CountLayers(source.Tensors.Select(tensor => tensor.Name));
        _tensors =
        [
            .. from tensor in QuantizationPlan.OpenTensors(source, options)
               select new OpenTensor(tensor.Name, tensor.Source, TensorGroups.GroupOf(tensor.Source.Name, layers), CandidateTypes.For(tensor.Name, tensor.Source, allowed, _calibration)),
        ];
        if (_tensors.Count == 0)
            throw new QuantizationException($"'{source.Path}' has no tensor to choose a type for: give a file type instead of a size.");
        if (_tensors.FirstOrDefault(tensor => tensor.Source.Format.IsQuantized) is { } quantized)
            throw new QuantizationException($"Tensor '{quantized.Name}' is already quantized, to {quantized.Source.Format}. Types for a size are chosen from the F16, BF16 or F32 model.");
        _smallest = PlanWith(tensor => tensor.Types[0]);
        _largest = PlanWith(tensor => tensor.Types[^1]);
        // Every group is measured whole, so that the coefficient serves whatever types are asked for next.
        HashSet<string> wanted = [.. _tensors.Where(tensor => tensor.Types.Any(tensor.IsLossy)).Select(tensor => tensor.Group)];
        Groups =
        [
            .. from tensor in source.Tensors
               where QuantizableTensors.ReasonToKeep(tensor.Name, tensor.Shape.AsSpan(), leaveOutput: false) is null && ProbeGroup.TypeFor(tensor) is not null
               group tensor by TensorGroups.GroupOf(tensor.Name, layers) into members
               where wanted.Contains(members.Key)
               orderby members.Key
               select new ProbeGroup(members.Key, [.. members]),
        ];
    }

    /// <summary>The groups of tensors whose coefficients are needed.</summary>
    public IReadOnlyList<ProbeGroup> Groups { get; }

    /// <summary>Checks that a target is possible, before anything is measured for it.</summary>
    /// <exception cref="QuantizationException">The file would be larger even with the smallest types, or smaller even with the largest.</exception>
    public void Check(SizeTarget target)
    {
        (SizeTarget smallest, SizeTarget largest) = (SizeOf(_smallest, target), SizeOf(_largest, target));
        // Memory that is left over is no fault.
        if (target.Amount >= smallest.Amount && (target.Amount <= largest.Amount || target.Memory is not null))
            return;
        if (target.Memory is not null)
        {
            throw new QuantizationException(
                $"'{_source.Path}' cannot be quantized to {target}: with the types that may be chosen, the smallest file takes {smallest}, {MemoryBesideWeights(target):N0} bytes of it for a context of {ContextOf(target):N0} tokens and buffers. A shorter -ContextLength or a smaller -CacheType takes less.");
        }
        (SizeTarget least, SizeTarget most) = target.Bytes is null
            ? (SizeTarget.OfBitsPerWeight(Math.Ceiling(smallest.Amount * 1e4) / 1e4), SizeTarget.OfBitsPerWeight(Math.Floor(largest.Amount * 1e4) / 1e4))
            : (smallest, largest);
        throw new QuantizationException($"'{_source.Path}' cannot be quantized to {target}: with the types that may be chosen, the smallest file has {least}, the largest {most}.");
    }

    /// <summary>How large a planned file is, in the unit of a target.</summary>
    public SizeTarget SizeOf(QuantizationPlan plan, SizeTarget target)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return target.Bytes is not null ? SizeTarget.OfBytes(plan.TotalBytes)
            : target.Memory is not null ? SizeTarget.OfMemory(plan.TensorBytes + MemoryBesideWeights(target), target.Run!)
            : SizeTarget.OfBitsPerWeight(plan.BitsPerWeight);
    }

    private long MemoryBesideWeights(SizeTarget target) => EstimateFor(target).Total;

    private long ContextOf(SizeTarget target) => EstimateFor(target).ContextLength;

    private MemoryEstimate EstimateFor(SizeTarget target) => MemoryEstimate.Of(0, ModelShape.Read(_source), target.Run);

    /// <summary>Whether errors are still to be measured.</summary>
    public bool NeedsErrors(MeasuredCosts costs)
    {
        ArgumentNullException.ThrowIfNull(costs);
        return Missing(costs).Any();
    }

    /// <summary>The costs, with the errors that are still to be measured.</summary>
    /// <param name="costs">What has been measured.</param>
    /// <param name="threads">Threads to use; nothing depends on it.</param>
    /// <param name="progress">Told after each tensor and type.</param>
    /// <param name="token">Stops it.</param>
    /// <exception cref="QuantizationException">A weight is not finite.</exception>
    public MeasuredCosts MeasureErrors(MeasuredCosts costs, int threads, IProgress<WorkProgress>? progress, CancellationToken token)
    {
        ArgumentNullException.ThrowIfNull(costs);
        (GgufTensor, GgmlType?)[] wanted = [.. Missing(costs)];
        return wanted.Length == 0 ? costs : costs.With([], OutputErrors.Measure(_source, _calibration, wanted, threads, progress, token)
            .Select(error => KeyValuePair.Create((error.Key.Tensor, error.Key.Type!.Value), error.Value)));
    }

    /// <summary>Coefficients for the groups by what roles are worth in the sample model.</summary>
    /// <param name="threads">Threads to use; nothing depends on it.</param>
    /// <param name="progress">Told after each tensor.</param>
    /// <param name="token">Stops it.</param>
    public IReadOnlyDictionary<string, double> DefaultCoefficients(int threads, IProgress<WorkProgress>? progress, CancellationToken token)
    {
        (GgufTensor, GgmlType?)[] wanted = [.. Groups.SelectMany(group => group.Tensors).Select(tensor => (tensor, (GgmlType?)null))];
        return RoleCoefficients.Of(Groups, OutputErrors.Measure(_source, _calibration, wanted, threads, progress, token).ToDictionary(error => error.Key.Tensor, error => error.Value.Value));
    }

    /// <summary>The largest standard error of the errors that types are chosen by, as a share of them; 0 if all rows were measured.</summary>
    public double SamplingError(MeasuredCosts costs)
    {
        ArgumentNullException.ThrowIfNull(costs);
        return (from tensor in _tensors
                from type in tensor.Types
                where costs.Errors.ContainsKey((tensor.Source.Name, type))
                let error = costs.Errors[(tensor.Source.Name, type)]
                where error.Value > 0
                select error.StandardError / error.Value).DefaultIfEmpty(0).Max();
    }

    /// <summary>Plans the file of a size that is expected to lose least.</summary>
    /// <param name="target">The size; the file is at most as large.</param>
    /// <param name="costs">The errors of all types that may be chosen, and the coefficients of all groups.</param>
    /// <exception cref="QuantizationException">The target is not possible.</exception>
    public QuantizationPlan Allocate(SizeTarget target, MeasuredCosts costs)
    {
        ArgumentNullException.ThrowIfNull(costs);
        Check(target);
        bool isFile = target.Bytes is not null;
        int alignment = isFile ? _smallest.Layout.Files[0].Alignment : 1;
        Choice[][] choices = [.. _tensors.Select(tensor => tensor.Types
            .Select(type => new Choice(GgufAlignment.Align(tensor.BytesIn(type), alignment), CostOf(tensor, type, costs))).ToArray())];
        long wanted = target.Bytes ?? target.Memory - MemoryBesideWeights(target) ?? (long)(target.BitsPerWeight!.Value / 8 * _smallest.Weights);
        long others = (isFile ? _smallest.TotalBytes : _smallest.TensorBytes) - _tensors.Sum(tensor => GgufAlignment.Align(tensor.BytesIn(tensor.Types[0]), alignment));
        while (true)
        {
            int[] chosen = Knapsack.Solve(choices, wanted - others)
                ?? throw new QuantizationException($"'{_source.Path}' cannot be quantized to {target} in as many shards as that makes.");
            QuantizationPlan plan = PlanWith(_tensors.Zip(chosen, (tensor, choice) => tensor.Types[choice]).ToArray(), costs);
            long excess = (isFile ? plan.TotalBytes : plan.TensorBytes) - wanted;
            if (excess <= 0)
                return plan;
            // Other sizes may divide into more shards, each with a header.
            others += excess;
        }
    }

    private IEnumerable<(GgufTensor, GgmlType?)> Missing(MeasuredCosts costs) =>
        from tensor in _tensors
        from type in tensor.Types
        where tensor.IsLossy(type) && !costs.Errors.ContainsKey((tensor.Source.Name, type))
        select (tensor.Source, (GgmlType?)type);

    private static double CostOf(OpenTensor tensor, GgmlType type, MeasuredCosts costs) =>
        tensor.IsLossy(type) ? costs.Coefficients[tensor.Group] * costs.Errors[(tensor.Source.Name, type)].Value : 0;

    private QuantizationPlan PlanWith(Func<OpenTensor, GgmlType> type) => PlanWith([.. _tensors.Select(type)], costs: null);

    private QuantizationPlan PlanWith(GgmlType[] types, MeasuredCosts? costs)
    {
        Dictionary<string, AllocatedType> allocated = new(StringComparer.Ordinal);
        foreach ((OpenTensor tensor, GgmlType type) in _tensors.Zip(types))
        {
            double coefficient = costs?.Coefficients.GetValueOrDefault(tensor.Group) ?? 0;
            allocated.Add(tensor.Name, new(type, tensor.Group, coefficient, costs is null ? 0 : CostOf(tensor, type, costs)));
        }
        return QuantizationPlan.Create(_source, AnyType, _options with { Allocation = new(allocated) });
    }
}
