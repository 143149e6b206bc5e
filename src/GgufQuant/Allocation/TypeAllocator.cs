using GgufQuant.Calibration;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Models;
using GgufQuant.Planning;

namespace GgufQuant.Allocation;

/// <summary>Chooses the types of a model's tensors so that a file of a given size changes predictions least.</summary>
/// <remarks>
/// The KL divergence of a file is close to the sum over its tensors of a coefficient times the error in the tensor's
/// outputs, whatever the type (docs/quality-per-byte.md).
/// </remarks>
public sealed class TypeAllocator
{
    // A plan needs a file type, but this one chooses nothing.
    internal const FileType AnyType = FileType.Q4_K_M;

    private readonly GgufFile _source;
    private readonly QuantizationOptions _options;
    private readonly CalibrationFile _calibration;
    private readonly IReadOnlyList<OpenTensor> _tensors;

    /// <summary>Prepares an allocation.</summary>
    /// <param name="source">The model; it must stay open.</param>
    /// <param name="options">The calibration to round with or an importance matrix, and the types fixed for single tensors.</param>
    /// <param name="allowed">The types to choose from; null for all.</param>
    /// <param name="calibration">The calibration to measure with; null for that of the options.</param>
    /// <exception cref="QuantizationException">No tensor is left to choose a type for, or the model is already quantized.</exception>
    /// <exception cref="CalibrationException">The calibration is of another model.</exception>
    public TypeAllocator(GgufFile source, QuantizationOptions options, IReadOnlyCollection<GgmlType>? allowed, CalibrationFile? calibration = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(options);
        _source = source;
        _options = options;
        Method = options.Calibration is null ? RoundingMethod.Ggml : RoundingMethod.Moments;
        _calibration = calibration ?? options.Calibration ?? throw new ArgumentException("An allocation needs a calibration.", nameof(options));
        _calibration.CheckModel(source);
        int layers = TensorGroups.CountLayers(source.Tensors.Select(tensor => tensor.Name));
        _tensors = OpenTensor.Of(source, options, allowed, tensor => ImatrixRules.FindEntry(_calibration.Imatrix, tensor.Name) is not null);
        Reach = SizeReach.Of(source, options, _tensors);
        // Groups are measured as a whole, so that their coefficients serve later requests with other types.
        HashSet<string> wanted = [.. _tensors.Where(tensor => tensor.Types.Any(tensor.IsLossy)).Select(tensor => tensor.Group)];
        Groups =
        [
            .. from tensor in source.Tensors
               where QuantizableTensors.ReasonToKeep(tensor.Name, tensor.Shape.AsSpan(), leaveOutput: false) is null && ProbeGroup.TypeFor(tensor) is not null
               group tensor by TensorGroups.GroupOf(tensor.Name, layers) into members
               where wanted.Contains(members.Key)
               // Groups with the same inputs are adjacent, so that these are prepared once.
               orderby members.Min(tensor => TensorNames.LayerOf(tensor.Name) ?? -1), members.Select(tensor => _calibration.Find(tensor.Name)?.Name).Min(StringComparer.Ordinal), members.Key
               select new ProbeGroup(members.Key, [.. members]),
        ];
    }

    /// <summary>How the file is rounded, and so what is measured.</summary>
    public RoundingMethod Method { get; }

    /// <summary>The groups whose coefficients are needed.</summary>
    public IReadOnlyList<ProbeGroup> Groups { get; }

    /// <summary>The possible sizes.</summary>
    public SizeReach Reach { get; }

    /// <summary>The size of a planned file, in the unit of a target.</summary>
    public SizeTarget SizeOf(QuantizationPlan plan, SizeTarget target)
    {
        ArgumentNullException.ThrowIfNull(plan);
        return Reach.SizeOf(plan, target);
    }

    /// <summary>The number of errors still to be measured.</summary>
    public int CountMissingErrors(MeasuredCosts costs)
    {
        ArgumentNullException.ThrowIfNull(costs);
        return Missing(costs).Count();
    }

    /// <summary>Checks that the moments of all inputs can be factorized within a memory budget, before anything is measured.</summary>
    /// <exception cref="QuantizationException">They cannot; the message gives the budget needed.</exception>
    public void CheckBudget(long budget) =>
        RoundingBudget.Check(Groups.SelectMany(group => group.Tensors).Select(tensor => _calibration.MomentsOf(tensor, Method)), budget);

    /// <summary>Completes the costs with the errors not measured yet.</summary>
    /// <param name="costs">The costs measured so far.</param>
    /// <param name="options">How to measure; do not keep the result of a quick measurement.</param>
    /// <param name="progress">Told after each tensor and type.</param>
    /// <param name="token">Stops it.</param>
    /// <param name="measured">Receives the costs measured so far after each input.</param>
    /// <exception cref="QuantizationException">A weight is not finite, or the budget is too small.</exception>
    /// <exception cref="CalibrationException">The calibration is damaged.</exception>
    public MeasuredCosts MeasureErrors(
        MeasuredCosts costs, MeasuringOptions options, IProgress<WorkProgress>? progress, CancellationToken token, Action<MeasuredCosts>? measured = null)
    {
        ArgumentNullException.ThrowIfNull(costs);
        ArgumentNullException.ThrowIfNull(options);
        (GgufTensor, GgmlType?)[] wanted = [.. Missing(costs)];
        if (wanted.Length > 0)
        {
            OutputErrors.Measure(_source, _calibration, wanted, Method, options, progress, token, errors =>
            {
                costs = costs.With([], errors.Select(error => KeyValuePair.Create((error.Key.Tensor, error.Key.Type!.Value), error.Value)));
                measured?.Invoke(costs);
            });
        }
        return costs;
    }

    /// <summary>Estimates the groups' coefficients from the roles in the sample model.</summary>
    /// <param name="options">How to measure the sizes of the outputs.</param>
    /// <param name="progress">Told after each tensor.</param>
    /// <param name="token">Stops it.</param>
    public IReadOnlyDictionary<string, double> DefaultCoefficients(MeasuringOptions options, IProgress<WorkProgress>? progress, CancellationToken token)
    {
        ArgumentNullException.ThrowIfNull(options);
        (GgufTensor, GgmlType?)[] wanted = [.. Groups.SelectMany(group => group.Tensors).Select(tensor => (tensor, (GgmlType?)null))];
        return RoleCoefficients.Of(Groups, OutputErrors.Measure(_source, _calibration, wanted, Method, options, progress, token).ToDictionary(error => error.Key.Tensor, error => error.Value.Value));
    }

    /// <summary>The largest relative standard error of the measured errors; 0 if all rows were measured.</summary>
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

    /// <summary>Plans the file that is expected to lose least at a size.</summary>
    /// <param name="target">The size; the file is at most as large.</param>
    /// <param name="costs">The errors of all candidate types, and the coefficients of all groups.</param>
    /// <param name="token">Stops it.</param>
    /// <exception cref="QuantizationException">The target cannot be met.</exception>
    public QuantizationPlan Allocate(SizeTarget target, MeasuredCosts costs, CancellationToken token = default)
    {
        ArgumentNullException.ThrowIfNull(costs);
        Reach.Check(target);
        if (target.Run?.GpuMemory is not null)
            return AllocateBesideGpu(target, costs, token);
        long wanted = target.Bytes ?? target.Memory - Reach.MemoryBesideWeights(target) ?? (long)(target.BitsPerWeight!.Value / 8 * Reach.Smallest.Weights);
        return Allocate(target, wanted, costs, token);
    }

    // How much of the host's memory a file takes depends on which of its layers fit on the GPU, so sizes are tried.
    private QuantizationPlan AllocateBesideGpu(SizeTarget target, MeasuredCosts costs, CancellationToken token)
    {
        const int Trials = 12;
        long fits = Reach.Smallest.TensorBytes;
        long next = Reach.Largest.TensorBytes;
        long tooLarge = next + 1;
        QuantizationPlan best = Allocate(target, fits, costs, token);
        for (int i = 0; i < Trials && fits + 1 < tooLarge; i++, next = fits + ((tooLarge - fits) / 2))
        {
            QuantizationPlan plan = Allocate(target, next, costs, token);
            if (Reach.SizeOf(plan, target).Memory <= target.Memory)
                (best, fits) = (plan, next);
            else
                tooLarge = next;
        }
        return best;
    }

    private QuantizationPlan Allocate(SizeTarget target, long wanted, MeasuredCosts costs, CancellationToken token)
    {
        bool isFile = target.Bytes is not null;
        QuantizationPlan smallest = Reach.Smallest;
        int alignment = isFile ? smallest.Layout.Files[0].Alignment : 1;
        Choice[][] choices = [.. _tensors.Select(tensor => tensor.Types
            .Select(type => new Choice(GgufAlignment.Align(tensor.BytesIn(type), alignment), CostOf(tensor, type, costs))).ToArray())];
        long others = (isFile ? smallest.TotalBytes : smallest.TensorBytes) - _tensors.Sum(tensor => GgufAlignment.Align(tensor.BytesIn(tensor.Types[0]), alignment));
        while (true)
        {
            int[] chosen = Knapsack.Solve(choices, wanted - others, token)
                ?? throw new QuantizationException($"'{_source.Path}' cannot be quantized to {target} because the shards' headers exceed it.");
            QuantizationPlan plan = PlanWith(_tensors.Zip(chosen, (tensor, choice) => tensor.Types[choice]).ToArray(), costs);
            long excess = (isFile ? plan.TotalBytes : plan.TensorBytes) - wanted;
            if (excess <= 0)
                return plan;
            // A different size may need more shards, each with a header.
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

    private QuantizationPlan PlanWith(GgmlType[] types, MeasuredCosts costs)
    {
        Dictionary<string, AllocatedType> allocated = new(StringComparer.Ordinal);
        foreach ((OpenTensor tensor, GgmlType type) in _tensors.Zip(types))
        {
            double coefficient = costs.Coefficients.GetValueOrDefault(tensor.Group);
            allocated.Add(tensor.Name, new(type, tensor.Group, coefficient, CostOf(tensor, type, costs)));
        }
        return QuantizationPlan.Create(_source, AnyType, _options with { Allocation = new(allocated) });
    }
}
