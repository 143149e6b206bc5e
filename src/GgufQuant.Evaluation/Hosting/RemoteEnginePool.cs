using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Evaluation.Hosting;

/// <summary>Idle, started engines for the next caller. Their processes hold no models, and end after a while.</summary>
public sealed class RemoteEnginePool
{
    private static readonly TimeSpan s_idleTime = TimeSpan.FromMinutes(5);

    private readonly Lock _lock = new();
    private readonly Dictionary<EngineLocation, (RemoteEngine Engine, Timer Expiry)> _idle = [];

    /// <summary>Takes an idle engine, or a new one; it belongs to the caller until it is returned or disposed.</summary>
    public RemoteEngine Rent(HostCommand host, EngineLocation location)
    {
        lock (_lock)
        {
            if (!_idle.Remove(location, out (RemoteEngine Engine, Timer Expiry) known))
                return new(host, location);
            known.Expiry.Dispose();
            return known.Engine;
        }
    }

    /// <summary>Returns an engine; its models are freed in the background.</summary>
    public void Return(RemoteEngine engine)
    {
        ArgumentNullException.ThrowIfNull(engine);
        if (!engine.IsRunning)
        {
            engine.Dispose();
            return;
        }
        engine.ReleaseInBackground();
        lock (_lock)
        {
            if (!_idle.ContainsKey(engine.Location))
            {
                _idle[engine.Location] = (engine, new(_ => Expire(engine), null, s_idleTime, Timeout.InfiniteTimeSpan));
                return;
            }
        }
        engine.Dispose();
    }

    /// <summary>Ends the processes of all idle engines.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            foreach ((RemoteEngine engine, Timer expiry) in _idle.Values)
            {
                expiry.Dispose();
                engine.Dispose();
            }
            _idle.Clear();
        }
    }

    private void Expire(RemoteEngine engine)
    {
        lock (_lock)
        {
            if (!_idle.TryGetValue(engine.Location, out (RemoteEngine Engine, Timer Expiry) known) || known.Engine != engine)
                return;
            _idle.Remove(engine.Location);
            known.Expiry.Dispose();
        }
        engine.Dispose();
    }
}
