namespace GgufQuant.Allocation;

/// <summary>How errors of outputs are measured.</summary>
/// <param name="Threads">Threads to use; nothing depends on it.</param>
/// <param name="MemoryBudget">Bytes of memory: half of them for the factor of an input's moments.</param>
/// <param name="IsQuick">Whether a small sample of each tensor's rows will do, for a preview that nothing is written by.</param>
public sealed record MeasuringOptions(int Threads, long MemoryBudget, bool IsQuick = false);
