using GgufQuant.Planning;

namespace GgufQuant.Pipeline;

/// <summary>How memory is divided among the threads of a pass.</summary>
/// <param name="Weights">Weights per chunk.</param>
/// <param name="Threads">Threads, each with a chunk.</param>
/// <param name="Spare">How many of the threads are of use only while others wait for the disk.</param>
/// <param name="Waiting">Chunks that may wait to be written besides.</param>
internal readonly record struct ChunkSize(int Weights, int Threads, int Spare, int Waiting)
{
    private const int MostWaiting = 8;
    private const int SmallestChunk = 16 * 1024;

    /// <param name="tensors">The tensors of all plans that share the pass.</param>
    /// <param name="device">What quantizes.</param>
    /// <param name="budget">Bytes of memory for buffers.</param>
    /// <exception cref="QuantizationException">The budget is too small.</exception>
    internal static ChunkSize For(IReadOnlyCollection<PlannedTensor> tensors, IQuantizationDevice device, long budget)
    {
        (long longestRow, long most) = Limits(tensors, budget);
        if (longestRow > most)
            throw new QuantizationException($"Rows of {longestRow:N0} weights do not fit the memory budget: raise the budget, or omit the importance matrix.");
        long weights = Math.Max(longestRow, Math.Clamp(most / ThreadsFor(device.PreferredJobs), SmallestChunk, device.PreferredWeights));
        int threads = (int)Math.Clamp(most / weights, 1, ThreadsFor(device.Parallelism));
        return new((int)weights, threads, SpareOf(threads, device), (int)Math.Clamp((most / weights) - threads, 0, MostWaiting));
    }

    /// <summary>Whether the tensors can share a pass: whether a chunk of any of them fits the budget.</summary>
    internal static bool Fits(IReadOnlyCollection<PlannedTensor> tensors, long budget)
    {
        (long longestRow, long most) = Limits(tensors, budget);
        return longestRow <= most;
    }

    // Some formats weight whole rows once importance is given, so such rows are never cut.
    private static (long LongestRow, long MostWeights) Limits(IReadOnlyCollection<PlannedTensor> tensors, long budget)
    {
        double bytesPerWeight = tensors.Select(BytesPerWeight).DefaultIfEmpty(0).Max();
        long longestRow = tensors.Where(tensor => tensor.Importance is not null || tensor.Moments is not null).Select(tensor => tensor.Source.RowLength).DefaultIfEmpty(0).Max();
        return (longestRow, (long)(budget / Math.Max(1, bytesPerWeight)));
    }

    // Twice the number of jobs that run on the device, so that it stays busy while other threads wait for the disk.
    private static int ThreadsFor(int jobs) => jobs + Math.Max(2, jobs);

    // Where nothing waits for the disk, more threads than cores would only take turns, and the one that writes would have to wait for
    // the others. A card's threads wait for the card instead.
    private static int SpareOf(int threads, IQuantizationDevice device) =>
        device is CpuDevice ? Math.Max(0, threads - Math.Max(device.Parallelism, Environment.ProcessorCount)) : 0;

    // Source, blocks, and the floats between them; copied data stays where it was read to. A thread makes the blocks of
    // one type after those of another in the same memory, so further types need none.
    private static double BytesPerWeight(PlannedTensor tensor) => tensor.IsCopied
        ? tensor.Source.Format.BitsPerWeight / 8
        : ((tensor.Source.Format.BitsPerWeight + tensor.Format.BitsPerWeight) / 8) + sizeof(float);
}
