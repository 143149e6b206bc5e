namespace GgufQuant.TestKit;

/// <summary>Stops work that has begun.</summary>
public static class DelayedStop
{
    /// <summary>A token that is signalled after a time.</summary>
    // By a thread of its own: a timer's may be seconds late while other tests keep the thread pool busy.
    public static CancellationToken After(TimeSpan time)
    {
        CancellationTokenSource stop = new();
        Thread thread = new(() =>
        {
            Thread.Sleep(time);
            stop.Cancel();
        })
        {
            IsBackground = true,
        };
        thread.Start();
        return stop.Token;
    }
}
