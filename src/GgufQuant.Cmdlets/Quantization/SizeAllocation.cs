using GgufQuant.Allocation;
using GgufQuant.Calibration;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Hosting;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Models;
using GgufQuant.Planning;

namespace GgufQuant.Commands;

/// <summary>Chooses types for sizes: measures what is not known yet, keeps it in the calibration, and says what is only estimated.</summary>
/// <param name="command">The cmdlet.</param>
/// <param name="calibration">The calibration.</param>
/// <param name="targets">The sizes.</param>
/// <param name="allowed">The types to choose from; none for all.</param>
internal sealed class SizeAllocation(StoppableCommand command, OpenCalibration calibration, IReadOnlyList<SizeTarget> targets, BlockFormat[] allowed)
{
    // A file that is smaller by more than this is worth a word.
    private const double Close = 0.999;

    /// <summary>Finds the engine to measure with.</summary>
    internal required Func<EngineSession> OpenEngine { get; init; }

    /// <summary>Whether the user has named an engine, so that there must be one.</summary>
    internal bool IsEngineNamed { get; init; }

    /// <summary>Whether what roles are worth in the sample model will do.</summary>
    internal bool UsesDefaults { get; init; }

    /// <summary>Threads; 0 for all.</summary>
    internal int Threads { get; init; }

    /// <summary>Bytes of memory besides the engine's.</summary>
    internal required long MemoryBudget { get; init; }

    /// <summary>The targets that a cmdlet's parameters stand for.</summary>
    internal static SizeTarget[] TargetsOf(long[] sizes, double[] bitsPerWeight, long[] memory, MemoryOptions run) =>
    [
        .. sizes.Select(SizeTarget.OfBytes), .. bitsPerWeight.Select(SizeTarget.OfBitsPerWeight),
        .. memory.Select(bytes => SizeTarget.OfMemory(bytes, run)),
    ];

    private int EffectiveThreads => Threads > 0 ? Threads : Environment.ProcessorCount;

    /// <summary>Finds out which sizes are possible before a calibration is collected; an error is written for each that is not.</summary>
    /// <exception cref="QuantizationException">The model has no types to choose.</exception>
    internal static SizeTarget[] PossibleBefore(
        StoppableCommand command, GgufFile model, QuantizationOptions options, IReadOnlyList<SizeTarget> targets, BlockFormat[] allowed)
    {
        if (targets.Count == 0)
            return [];
        SizeReach reach = SizeReach.BeforeCalibration(model, options, TypesOf(allowed));
        return [.. targets.Distinct().Where(target => IsPossible(command, reach, target, model))];
    }

    /// <summary>Plans files, one for each size that is possible; an error is written for each that is not.</summary>
    /// <param name="model">The model.</param>
    /// <param name="optionsOf">Returns the options; called again once the calibration has been rewritten.</param>
    /// <exception cref="QuantizationException">The model has no types to choose.</exception>
    /// <exception cref="CalibrationException">The calibration is of another model.</exception>
    internal IEnumerable<(SizeTarget Target, Func<QuantizationPlan> Plan)> PlansFor(GgufFile model, Func<QuantizationOptions> optionsOf)
    {
        TypeAllocator allocator = AllocatorFor(model, optionsOf);
        SizeTarget[] possible = [.. targets.Distinct().Where(target => IsPossible(command, allocator.Reach, target, model))];
        if (possible.Length == 0)
            yield break;

        MeasuredCosts kept = calibration.File.CostsOf(allocator.Method);
        CostJournal journal = new(calibration.File, allocator.Method);
        MeasuredCosts before = kept.With(journal.Costs.Coefficients, journal.Costs.Errors);
        bool isInterrupted = before.Coefficients.Count + before.Errors.Count > kept.Coefficients.Count + kept.Errors.Count;
        ProbeGroup[] unknown = UsesDefaults ? [] : [.. allocator.Groups.Where(group => !before.Coefficients.ContainsKey(group.Name))];
        string name = Formatting.FileName(model.Path);
        int missing = allocator.CountMissingErrors(before);
        if (unknown.Length > 0 || missing > 0)
            allocator.CheckBudget(MemoryBudget);
        bool mayKeep = (unknown.Length > 0 || missing > 0 || isInterrupted) && command.ShouldProcess(calibration.File.Path, $"Measure what types cost '{name}', and keep it");
        MeasuringOptions measuring = new(EffectiveThreads, MemoryBudget, IsQuick: !mayKeep);
        MeasuredCosts costs = command.RunInBackground(
            $"{(mayKeep ? "Measuring" : "Estimating")} what types do to {name}, as far as '{Formatting.FileName(calibration.File.Path)}' does not say",
            (progress, token) => allocator.MeasureErrors(before, measuring, progress, token, mayKeep ? costs => Write(journal, costs) : null));
        if (isInterrupted)
            command.WriteVerbose($"{before.Errors.Count - kept.Errors.Count} errors and {before.Coefficients.Count - kept.Coefficients.Count} coefficients were measured by an earlier run that did not finish.");
        if (missing > 0)
            command.WriteVerbose(DescribeMeasured(missing, before.Errors.Count, mayKeep));
        string? estimated = UsesDefaults ? "as -DefaultCoefficient asks for" : null;
        if (unknown.Length > 0)
            (costs, estimated) = mayKeep ? Probe(model, unknown, costs, journal) : (costs, "because nothing has been measured yet, and -WhatIf does not run the model");
        if (mayKeep)
        {
            Keep(costs, journal);
            allocator = AllocatorFor(model, optionsOf);
        }
        if (estimated is not null || allocator.Groups.Any(group => !costs.Coefficients.ContainsKey(group.Name)))
            costs = Estimate(allocator, costs, measuring, estimated);
        if (allocator.SamplingError(costs) is > 0 and double error)
            command.WriteVerbose($"The errors of {(mayKeep || missing == 0 ? "large tensors" : "these tensors")} are measured on a sample of their rows; their standard error is {Formatting.FinePercent(error)} at most.");

        foreach (SizeTarget target in possible)
            yield return (target, () => Allocate(allocator, target, costs));
    }

    private TypeAllocator AllocatorFor(GgufFile model, Func<QuantizationOptions> optionsOf) => new(model, optionsOf(), TypesOf(allowed), calibration.File);

    private static IReadOnlyCollection<GgmlType>? TypesOf(BlockFormat[] allowed) => allowed.Length == 0 ? null : [.. allowed.Select(format => format.Type)];

    private static bool IsPossible(StoppableCommand command, SizeReach reach, SizeTarget target, GgufFile model)
    {
        try
        {
            reach.Check(target);
            return true;
        }
        catch (QuantizationException exception)
        {
            command.WriteError(new(exception, "SizeOutOfReach", System.Management.Automation.ErrorCategory.InvalidArgument, model.Path));
            return false;
        }
    }

    private string DescribeMeasured(int missing, int known, bool mayKeep) => mayKeep
        ? $"{missing} errors of tensors and types were measured; {known} were known from '{calibration.File.Path}'."
        : $"{missing} errors of tensors and types are not in '{calibration.File.Path}' yet, and were estimated; {known} are.";

    private QuantizationPlan Allocate(TypeAllocator allocator, SizeTarget target, MeasuredCosts costs)
    {
        QuantizationPlan plan = command.RunInBackground($"Choosing types for {target}", (_, token) => allocator.Allocate(target, costs, token));
        SizeTarget reached = allocator.SizeOf(plan, target);
        if (reached.Amount / target.Amount < Close)
            command.WriteWarning($"The file {(target.Memory is null ? "has" : "takes")} {reached}, not all of {target}: no choice of types that comes closer loses less.");
        return plan;
    }

    // Falls back to the sample model's coefficients without an engine.
    private (MeasuredCosts Costs, string? Estimated) Probe(GgufFile model, ProbeGroup[] groups, MeasuredCosts costs, CostJournal journal)
    {
        string name = Formatting.FileName(model.Path);
        if (Directory.Exists(model.Path))
            throw new QuantizationException($"'{model.Path}' is a folder, and only a GGUF file can be measured: ConvertTo-Gguf makes one. -DefaultCoefficient chooses types without measuring.");
        EngineSession session;
        try
        {
            session = OpenEngine();
        }
        catch (InferenceException exception) when (!IsEngineNamed)
        {
            return (costs, $"because no engine can measure it: {exception.Message}");
        }
        if (session.TryWaitUntilStarted() is { } error)
            return IsEngineNamed ? throw error.Exception : (costs, $"because no engine can measure it: {error.Exception.Message}");
        RemoteProber prober = new(session.Engine, model.Path, calibration.File.Path, Threads, MemoryBudget, costs.Method);
        command.RunInBackground($"Measuring what rounding costs {name}", (progress, token) => prober.Measure(groups, progress, token, (group, probe) =>
        {
            if (probe.Coefficient is not { } coefficient)
                return;
            costs = costs.With([KeyValuePair.Create(group, coefficient)], []);
            Write(journal, costs);
        }));
        command.WriteVerbose($"{groups.Length} groups of tensors of '{name}' were measured on {calibration.File.ProbeTokens.Count} tokens.");
        return (costs, null);
    }

    // Where it cannot be written, neither can the calibration, about which there is a warning.
    private static void Write(CostJournal journal, MeasuredCosts costs)
    {
        try
        {
            journal.Write(costs);
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
        }
    }

    private void Keep(MeasuredCosts costs, CostJournal journal)
    {
        string path = calibration.File.Path;
        try
        {
            command.RunInBackground($"Writing {Formatting.FileName(path)}", (_, token) =>
            {
                calibration.Keep(costs, token);
                journal.Delete();
                return true;
            });
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            command.WriteWarning($"What was measured cannot be kept in '{path}', and will be measured again the next time: {exception.Message}");
        }
    }

    // Of a tensor that the text never used nothing can be measured.
    private MeasuredCosts Estimate(TypeAllocator allocator, MeasuredCosts costs, MeasuringOptions measuring, string? reason)
    {
        IReadOnlyDictionary<string, double> defaults = command.RunInBackground(
            "Estimating what types cost", (progress, token) => allocator.DefaultCoefficients(measuring, progress, token));
        if (reason is null)
            return costs.With(defaults.Where(group => !costs.Coefficients.ContainsKey(group.Key)), []);
        command.WriteWarning($"Types are chosen by how much each kind of tensor matters in the sample model, not by measurements of this one, {reason}. Expect more loss than with measurements.");
        return costs.With(defaults.Where(group => UsesDefaults || !costs.Coefficients.ContainsKey(group.Key)), []);
    }
}
