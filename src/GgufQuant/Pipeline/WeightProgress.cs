using System.Diagnostics;
using GgufQuant.IO;

namespace GgufQuant.Pipeline;

/// <summary>Counts the weights of all files that are done, and reports ten times per second.</summary>
/// <param name="progress">Receives the reports, from any thread.</param>
/// <param name="total">Weights of all files.</param>
internal sealed class WeightProgress(IProgress<WorkProgress>? progress, long total)
{
    private static readonly TimeSpan s_interval = TimeSpan.FromMilliseconds(100);

    private readonly long _start = Stopwatch.GetTimestamp();
    private long _done;
    private long _lastReport;

    /// <summary>Counts weights that need no work any more.</summary>
    internal void Skip(long weights) => Interlocked.Add(ref _done, weights);

    /// <summary>Counts weights of a tensor, and reports if it is time.</summary>
    internal void Add(string tensor, long weights)
    {
        Interlocked.Add(ref _done, weights);
        if (progress is null)
            return;
        long last = Interlocked.Read(ref _lastReport);
        if (Stopwatch.GetElapsedTime(last) >= s_interval && Interlocked.CompareExchange(ref _lastReport, Stopwatch.GetTimestamp(), last) == last)
            Report(tensor);
    }

    /// <summary>Reports whether or not it is time.</summary>
    internal void Report(string tensor)
    {
        long done = Interlocked.Read(ref _done);
        string rate = NumberText.Rate(done / Stopwatch.GetElapsedTime(_start).TotalSeconds);
        progress?.Report(WorkProgress.Of($"{tensor}, {rate}", done, total, _start));
    }
}
