using System.Runtime.ExceptionServices;

namespace GgufQuant.IO;

/// <summary>Runs the steps of a loop on several threads; what goes wrong in one is thrown as it was.</summary>
internal static class ParallelLoop
{
    /// <summary>Runs a step for each number from 0.</summary>
    /// <param name="count">How many.</param>
    /// <param name="threads">Threads at most.</param>
    /// <param name="step">The step.</param>
    /// <param name="token">Stops between two steps.</param>
    internal static void For(int count, int threads, Action<int> step, CancellationToken token) =>
        For(count, threads, () => 0, (index, none) =>
        {
            step(index);
            return none;
        }, token);

    /// <summary>The same with something that each thread keeps from step to step.</summary>
    /// <param name="count">How many.</param>
    /// <param name="threads">Threads at most.</param>
    /// <param name="start">What a thread begins with.</param>
    /// <param name="step">The step: takes it, and returns it for the thread's next.</param>
    /// <param name="token">Stops between two steps.</param>
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
