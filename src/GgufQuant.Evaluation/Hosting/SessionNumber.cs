namespace GgufQuant.Evaluation.Hosting;

/// <summary>Numbers by which the engine's process tells sessions of this process apart.</summary>
internal static class SessionNumber
{
    private static long s_last;

    internal static long Next() => Interlocked.Increment(ref s_last);
}
