using GgufQuant.Calibration;

namespace GgufQuant.Pipeline;

/// <summary>Factors of moments while tensors are rounded with them: made when first needed, kept while there is room.</summary>
/// <remarks>A thread holds one at a time, so that waiting for room always ends.</remarks>
internal sealed class RoundingFactors(long budget, int threads)
{
    private readonly object _lock = new();
    private readonly Dictionary<InputMoments, Slot> _slots = [];
    private long _used;

    /// <summary>The factor of an input's moments, held until the lease is disposed.</summary>
    /// <exception cref="CalibrationException">The moments are damaged.</exception>
    /// <exception cref="OperationCanceledException">The work was cancelled.</exception>
    public Lease Rent(InputMoments moments, CancellationToken token)
    {
        Slot slot = Reserve(moments, token);
        try
        {
            lock (slot)
                slot.Factor ??= RoundingFactor.Create(moments, threads, token);
            return new Lease(this, slot, slot.Factor);
        }
        catch
        {
            Return(slot);
            throw;
        }
    }

    private Slot Reserve(InputMoments moments, CancellationToken token)
    {
        long bytes = RoundingFactor.PeakBytesFor(moments);
        lock (_lock)
        {
            while (true)
            {
                token.ThrowIfCancellationRequested();
                if (_slots.TryGetValue(moments, out Slot? slot))
                {
                    slot.Holders++;
                    return slot;
                }
                while (_used + bytes > budget && _slots.Values.FirstOrDefault(idle => idle.Holders == 0) is { } idle)
                    Remove(idle);
                if (_used + bytes <= budget)
                {
                    slot = new Slot(moments, bytes) { Holders = 1 };
                    _slots.Add(moments, slot);
                    _used += bytes;
                    return slot;
                }
                Monitor.Wait(_lock, TimeSpan.FromMilliseconds(100));
            }
        }
    }

    private void Return(Slot slot)
    {
        lock (_lock)
        {
            slot.Holders--;
            if (slot.Holders == 0 && slot.Factor is null)
                Remove(slot);
            Monitor.PulseAll(_lock);
        }
    }

    private void Remove(Slot slot)
    {
        _slots.Remove(slot.Moments);
        _used -= slot.Bytes;
    }

    /// <summary>Keeps a factor in memory.</summary>
    public readonly struct Lease : IDisposable
    {
        private readonly RoundingFactors _owner;
        private readonly Slot _slot;

        internal Lease(RoundingFactors owner, Slot slot, RoundingFactor factor)
        {
            _owner = owner;
            _slot = slot;
            Factor = factor;
        }

        /// <summary>The factor.</summary>
        public RoundingFactor Factor { get; }

        public void Dispose() => _owner.Return(_slot);
    }

    internal sealed class Slot(InputMoments moments, long bytes)
    {
        public InputMoments Moments => moments;

        public long Bytes => bytes;

        public int Holders { get; set; }

        public RoundingFactor? Factor { get; set; }
    }
}
