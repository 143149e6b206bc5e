using System.Runtime.ExceptionServices;

namespace GgufQuant.IO;

/// <summary>Runs the steps of a loop on several threads; an exception in a step is rethrown as it was.</summary>
internal static class ParallelLoop
{
    /// <summary>Runs a step for each number from 0.</summary>
    /// <param name="count">Number of steps.</param>
    /// <param name="threads">Maximum number of threads.</param>
    /// <param name="step">The step.</param>
    /// <param name="token">Cancels between two steps.</param>
    internal static void For(int count, int threads, Action<int> step, CancellationToken token) =>
        For(count, threads, () => 0, (index, none) =>
        {
            step(index);
            return none;
        }, token);

    /// <summary>The same with a value that each thread keeps from step to step.</summary>
    /// <param name="count">Number of steps.</param>
    /// <param name="threads">Maximum number of threads.</param>
    /// <param name="start">Makes a thread's first value.</param>
    /// <param name="step">The step: takes the value, and returns it for the thread's next step.</param>
    /// <param name="token">Cancels between two steps.</param>
    internal static void For<TKept>(int count, int threads, Func<TKept> start, Func<int, TKept, TKept> step, CancellationToken token)
    {
        ParallelOptions options = new() { MaxDegreeOfParallelism = threads, CancellationToken = token };
        try
        {
            Parallel.For(0, count, options, start, (index, _, kept) => step(index, kept), _ => { });
        }
        catch (AggregateException exception)
        {
            ExceptionDispatchInfo.Throw(exception.InnerExceptions[0]);
        }
    }
}
