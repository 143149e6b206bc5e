namespace GgufQuant.Evaluation.Hosting;

/// <summary>Numbers that identify this process's sessions in the engine process.</summary>
internal static class SessionNumber
{
    private static long s_last;

    internal static long Next() => Interlocked.Increment(ref s_last);
}
