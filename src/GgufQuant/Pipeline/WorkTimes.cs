namespace GgufQuant.Pipeline;

/// <summary>Where the time of a pass went, over all its files and threads together: they overlap, so the sum exceeds the duration.</summary>
/// <param name="Reading">Time spent reading the source.</param>
/// <param name="Quantizing">Time spent quantizing, waiting for the device included.</param>
/// <param name="Writing">Time spent writing the files.</param>
public sealed record WorkTimes(TimeSpan Reading, TimeSpan Quantizing, TimeSpan Writing);
