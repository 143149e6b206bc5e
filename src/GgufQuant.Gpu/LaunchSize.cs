using System.Collections.Concurrent;
using GgufQuant.Formats;
using GgufQuant.Pipeline;

namespace GgufQuant.Gpu;

/// <summary>How many weights a card quantizes at a time, so that no launch runs for long whatever the card's speed.</summary>
/// <remarks>
/// Windows resets a card that does not end a launch within two seconds (TdrDelay), and a card that also drives the screen
/// draws nothing meanwhile. So the first launch for a type is as small as the trial's, and later ones grow while time allows.
/// </remarks>
internal sealed class LaunchSize
{
    /// <summary>Weights in the first launch for a type.</summary>
    internal const int First = 64 << 10;

    private const int Growth = 8;

    private static readonly TimeSpan s_longest = TimeSpan.FromMilliseconds(250);

    private readonly ConcurrentDictionary<(GgmlType, bool), long> _weights = [];

    /// <summary>How many rows of a job to quantize at a time; at least one.</summary>
    internal int RowsOf(QuantizationJob job) => (int)Math.Clamp(_weights.GetValueOrDefault(KeyOf(job), First) / job.RowLength, 1, job.Rows);

    /// <summary>Takes into account how long a job took, including its copies and its wait for other jobs on the card.</summary>
    internal void Add(QuantizationJob job, TimeSpan time)
    {
        double fitting = job.Weights * (s_longest / time);
        _weights.AddOrUpdate(KeyOf(job), _ => Next(First), (_, weights) => Next(weights));

        // The rest of a job may be small, which is no reason for a smaller launch.
        long Next(long weights) =>
            time > s_longest ? (long)fitting : Math.Max(weights, (long)Math.Min(job.Weights * Growth, fitting));
    }

    private static (GgmlType, bool) KeyOf(QuantizationJob job) => (job.TargetType, job.Importance.IsEmpty);
}
