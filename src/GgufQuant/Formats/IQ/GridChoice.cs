namespace GgufQuant.Formats;

/// <summary>A point that minimizes the cost of rounding a group to it.</summary>
/// <param name="Code">Its code.</param>
/// <param name="Cost">Its cost.</param>
/// <param name="Gap">How much more the next best point costs.</param>
internal readonly record struct GridChoice(int Code, float Cost, float Gap);
