namespace GgufQuant.Allocation;

/// <summary>How output errors are measured.</summary>
/// <param name="Threads">Threads to use; they do not affect the result.</param>
/// <param name="MemoryBudget">Memory in bytes; half is for the factor of an input's moments.</param>
/// <param name="IsQuick">Whether to measure only a small sample of each tensor's rows, for a preview.</param>
public sealed record MeasuringOptions(int Threads, long MemoryBudget, bool IsQuick = false);
