namespace GgufQuant.Pipeline;

/// <summary>Lets one thread write at a time, without the others waiting for it.</summary>
/// <remarks>
/// A file takes one writer at a time. If threads took turns, each would have to be woken for its own, and a good part of a fast
/// disk's time would go by between them. So a thread that finds another writing leaves its write to that one, and goes on.
/// </remarks>
/// <param name="most">How many writes may wait at a time.</param>
internal sealed class WriteQueue(int most)
{
    private readonly Queue<Action> _waiting = new(most);
    private bool _isWriting;

    /// <summary>Writes at once, and then what others leave meanwhile; or leaves the write to the thread that is writing.</summary>
    /// <param name="write">Writes; throws nothing.</param>
    internal void Add(Action write)
    {
        lock (_waiting)
        {
            if (_isWriting)
            {
                _waiting.Enqueue(write);
                while (_waiting.Count > most)
                    Monitor.Wait(_waiting);
                return;
            }
            _isWriting = true;
        }
        for (Action? next = write; next is not null; next = Next())
            next();
    }

    private Action? Next()
    {
        lock (_waiting)
        {
            _isWriting = _waiting.TryDequeue(out Action? next);
            // Waking a thread takes longer than a write, so that it must not be done for each.
            if (_waiting.Count == most / 2)
                Monitor.PulseAll(_waiting);
            return next;
        }
    }
}
