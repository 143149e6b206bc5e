namespace GgufQuant.Commands;

/// <summary>Estimates the time that is left from the pace of the last seconds.</summary>
/// <remarks>
/// The first seconds say little: code is compiled, and files are not in memory yet. Later ones are measured in a window,
/// so that a slow start is forgotten.
/// </remarks>
internal sealed class RemainingTime
{
    private static readonly TimeSpan s_leastElapsed = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan s_window = TimeSpan.FromSeconds(8);

    private readonly Queue<(TimeSpan Time, double Share)> _samples = new();
    private TimeSpan _start;
    private double _share;

    /// <summary>The remaining time; null until it can be estimated.</summary>
    /// <param name="time">The time now, from any start.</param>
    /// <param name="share">Share of the work that is done, 0 to 1; less than before where other work has begun.</param>
    internal TimeSpan? At(TimeSpan time, double share)
    {
        if (_samples.Count == 0 || share < _share)
        {
            _samples.Clear();
            _start = time;
        }
        _share = share;
        _samples.Enqueue((time, share));
        while (_samples.Count > 2 && time - _samples.Peek().Time > s_window)
            _samples.Dequeue();
        (TimeSpan first, double firstShare) = _samples.Peek();
        return time - _start < s_leastElapsed || share <= firstShare ? null : (time - first) * ((1 - share) / (share - firstShare));
    }
}
