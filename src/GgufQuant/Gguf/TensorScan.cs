using System.Diagnostics;
using GgufQuant.IO;

namespace GgufQuant.Gguf;

/// <summary>Processes tensors in chunks, many at a time, and hands on the results in chunk order.</summary>
/// <remarks>
/// Chunks do not depend on the number of threads, so neither do sums over them. Memory is a few chunks per thread and
/// the results of one wave, whatever the model's size.
/// </remarks>
internal static class TensorScan
{
    /// <summary>Weights per chunk, a multiple of every format's block.</summary>
    public const int ChunkWeights = 1 << 16;

    private const int WaveChunks = 1024;

    /// <summary>Measures one chunk.</summary>
    /// <param name="tensor">The tensor's index.</param>
    /// <param name="start">The chunk's first weight.</param>
    /// <param name="count">Weights in the chunk.</param>
    /// <param name="buffers">Memory that no other thread is using.</param>
    public delegate TResult Measure<TResult>(int tensor, long start, int count, ScanBuffers buffers);

    /// <summary>Takes the results, chunk by chunk, on the caller's thread.</summary>
    public delegate void Fold<TResult>(int tensor, long start, TResult result);

    /// <summary>Measures all chunks of all tensors.</summary>
    /// <param name="tensors">The tensors.</param>
    /// <param name="measure">Called from many threads.</param>
    /// <param name="fold">Called in order.</param>
    /// <param name="threads">Maximum number of threads; 0 for one per core.</param>
    /// <param name="progress">Receives progress after every wave.</param>
    /// <param name="token">Cancels within the time of one chunk.</param>
    public static void Run<TResult>(
        IReadOnlyList<GgufTensor> tensors, Measure<TResult> measure, Fold<TResult> fold,
        int threads, IProgress<WorkProgress>? progress, CancellationToken token)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        int most = threads == 0 ? Environment.ProcessorCount : threads;
        long weights = tensors.Sum(tensor => tensor.ElementCount);
        long start = Stopwatch.GetTimestamp();
        long done = 0;
        TResult[] results = new TResult[WaveChunks];
        foreach ((int Tensor, long Start, int Count)[] wave in Chunks(tensors).Chunk(WaveChunks))
        {
            ParallelLoop.For(wave.Length, most, () => new ScanBuffers(), (i, buffers) =>
            {
                results[i] = measure(wave[i].Tensor, wave[i].Start, wave[i].Count, buffers);
                return buffers;
            }, token);
            for (int i = 0; i < wave.Length; i++)
            {
                fold(wave[i].Tensor, wave[i].Start, results[i]);
                done += wave[i].Count;
            }
            progress?.Report(WorkProgress.Of(tensors[wave[^1].Tensor].Name, done, weights, start));
        }
    }

    private static IEnumerable<(int Tensor, long Start, int Count)> Chunks(IReadOnlyList<GgufTensor> tensors)
    {
        for (int tensor = 0; tensor < tensors.Count; tensor++)
        {
            long count = tensors[tensor].ElementCount;
            for (long start = 0; start < count; start += ChunkWeights)
                yield return (tensor, start, (int)Math.Min(ChunkWeights, count - start));
        }
    }
}
