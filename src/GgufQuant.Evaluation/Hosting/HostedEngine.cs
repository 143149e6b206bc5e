using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Evaluation.Hosting;

/// <summary>The state of the engine process between operations: the engine, and the sessions with their loaded models.</summary>
internal sealed class HostedEngine(MessageReporter reporter)
{
    private readonly Dictionary<Type, (long Id, object Session)> _sessions = [];
    private IInferenceEngine? _engine;

    /// <summary>The engine.</summary>
    /// <exception cref="ProtocolException">It was not started.</exception>
    internal IInferenceEngine Engine => _engine ?? throw new ProtocolException("The engine was not started.");

    /// <summary>Loads the engine; its log goes to the parent.</summary>
    internal IInferenceEngine Start(EngineLocation location) => _engine = new MonitoredEngine(PackagedEngine.Start(location, reporter.Log), reporter);

    /// <summary>The session that a request belongs to; sessions of other requests end.</summary>
    /// <param name="id">The parent's number for the session.</param>
    /// <param name="create">Creates the session if this process does not have it.</param>
    internal T Session<T>(long id, Func<T> create)
        where T : class
    {
        if (_sessions.TryGetValue(typeof(T), out (long Id, object Session) known))
        {
            if (known.Id == id)
                return (T)known.Session;
            _sessions.Remove(typeof(T));
            (known.Session as IDisposable)?.Dispose();
        }
        T session = create();
        _sessions.Add(typeof(T), (id, session));
        return session;
    }

    /// <summary>Ends all sessions, so that no model stays in memory.</summary>
    internal void Release()
    {
        foreach ((_, object session) in _sessions.Values)
            (session as IDisposable)?.Dispose();
        _sessions.Clear();
        GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive);
    }
}
