using System.Diagnostics;

namespace GgufQuant.IO;

/// <summary>How far long work has come.</summary>
/// <param name="Status">What is being worked on, in a phrase.</param>
/// <param name="Share">Share of the work that is done, 0 to 1.</param>
/// <param name="Remaining">Time left; null if it is not known.</param>
public sealed record WorkProgress(string Status, double Share, TimeSpan? Remaining = null)
{
    /// <summary>Progress of work that keeps the pace it has had so far.</summary>
    /// <param name="status">What is being worked on, in a phrase.</param>
    /// <param name="done">Units of work that are done.</param>
    /// <param name="total">Units of work in all.</param>
    /// <param name="start">When it began, by <see cref="Stopwatch.GetTimestamp"/>.</param>
    internal static WorkProgress Of(string status, long done, long total, long start) => new(
        status,
        total == 0 ? 1 : (double)done / total,
        done > 0 ? Stopwatch.GetElapsedTime(start) * ((double)(total - done) / done) : null);
}
