namespace GgufQuant.Commands;

/// <summary>How far background work has come.</summary>
/// <param name="Status">What is being worked on, in a phrase.</param>
/// <param name="Share">Share of the work that is done, 0 to 1.</param>
/// <param name="Remaining">Time left; null where it is not known.</param>
internal sealed record WorkProgress(string Status, double Share, TimeSpan? Remaining);
