using System.Diagnostics;
using GgufQuant.Allocation;
using GgufQuant.Calibration;
using GgufQuant.Evaluation.Calibration;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Hosting.Operations;
using GgufQuant.IO;
using GgufQuant.Planning;

namespace GgufQuant.Evaluation.Hosting;

/// <summary>Measures the coefficients of groups of tensors in the engine's process.</summary>
/// <param name="engine">The engine.</param>
/// <param name="modelPath">The model's file.</param>
/// <param name="calibrationPath">The calibration's file, which the process reads until its models are released.</param>
/// <param name="threads">Threads; 0 for all.</param>
/// <param name="memoryBudget">Bytes of memory besides the model; half are for factors that groups share.</param>
/// <param name="method">How tensors are rounded.</param>
public sealed class RemoteProber(
    RemoteEngine engine, string modelPath, string calibrationPath, int threads, long memoryBudget, RoundingMethod method = RoundingMethod.Moments)
{
    private readonly long _session = SessionNumber.Next();

    /// <summary>Measures groups, one after the other.</summary>
    /// <param name="groups">The groups.</param>
    /// <param name="progress">Receives progress over all groups.</param>
    /// <param name="cancellationToken">Ends the engine's process.</param>
    /// <param name="measured">Receives the effect of rounding each group as soon as it is known.</param>
    /// <returns>The effect of rounding each group, by its name.</returns>
    /// <exception cref="EngineStoppedException">The engine's process ended or fell silent.</exception>
    /// <exception cref="InferenceException">The engine cannot run the model.</exception>
    /// <exception cref="CalibrationException">The calibration has no text to measure with.</exception>
    public IReadOnlyDictionary<string, GroupProbe> Measure(
        IReadOnlyList<ProbeGroup> groups, IProgress<WorkProgress>? progress, CancellationToken cancellationToken,
        Action<string, GroupProbe>? measured = null)
    {
        ArgumentNullException.ThrowIfNull(groups);
        Dictionary<string, GroupProbe> probes = new(StringComparer.Ordinal);
        long start = Stopwatch.GetTimestamp();
        try
        {
            foreach (ProbeGroup group in groups)
            {
                ProbeRequest request = new(_session, modelPath, calibrationPath, threads, RoundingBudget.ForFactors(memoryBudget), method, [.. group.Tensors.Select(tensor => tensor.Name)]);
                GroupProgress? share = progress is null ? null : new(progress, group.Name, probes.Count, groups.Count, start);
                GroupProbe probe = engine.Run(ProbeGroupOfTensors.Operation, request, modelPath, share, cancellationToken);
                probes.Add(group.Name, probe);
                measured?.Invoke(group.Name, probe);
            }
        }
        finally
        {
            if (engine.IsRunning)
                engine.Run(ReleaseModels.Operation, new(), modelPath, null, cancellationToken);
        }
        return probes;
    }

    /// <summary>The progress of one group as a share of all.</summary>
    private sealed class GroupProgress(IProgress<WorkProgress> progress, string group, int done, int all, long start) : IProgress<WorkProgress>
    {
        public void Report(WorkProgress value)
        {
            WorkProgress groups = WorkProgress.Of($"{group}, {done + 1} of {all}", done, all, start);
            progress.Report(groups with { Share = (done + Math.Clamp(value.Share, 0, 1)) / all });
        }
    }
}
