using System.Buffers;
using System.Collections.Concurrent;

namespace GgufQuant.Pipeline;

/// <summary>A device's buffers, which are used again once all that needs their contents has released them.</summary>
internal sealed class BufferPool(IQuantizationDevice device) : IDisposable
{
    private readonly ConcurrentBag<PooledBuffer> _all = [];
    private readonly ConcurrentBag<PooledBuffer> _free = [];

    /// <summary>Takes a buffer, held once.</summary>
    internal PooledBuffer Rent(int bytes)
    {
        if (!_free.TryTake(out PooledBuffer? buffer))
            _all.Add(buffer = new PooledBuffer(device, _free));
        buffer.Take(bytes);
        return buffer;
    }

    /// <summary>Frees all memory, which nothing may be using.</summary>
    public void Dispose()
    {
        foreach (PooledBuffer buffer in _all)
            buffer.Dispose();
    }
}

/// <summary>A buffer that grows to the largest chunk it has held.</summary>
internal sealed class PooledBuffer(IQuantizationDevice device, ConcurrentBag<PooledBuffer> free) : IDisposable
{
    private IMemoryOwner<byte>? _owner;
    private int _bytes;
    private int _holders;

    /// <summary>The bytes asked for.</summary>
    internal Memory<byte> Memory => _owner!.Memory[.._bytes];

    /// <summary>Whether nothing has been written to the memory before.</summary>
    internal bool IsNew { get; private set; }

    /// <summary>Takes it, with unspecified contents.</summary>
    internal void Take(int bytes)
    {
        IsNew = _owner is null || _owner.Memory.Length < bytes;
        if (IsNew)
        {
            _owner?.Dispose();
            _owner = device.Allocate(bytes);
        }
        _bytes = bytes;
        _holders = 1;
    }

    /// <summary>Keeps the contents for one more that needs them.</summary>
    internal void Hold() => Interlocked.Increment(ref _holders);

    /// <summary>Says that one no longer needs them.</summary>
    internal void Release()
    {
        if (Interlocked.Decrement(ref _holders) == 0)
            free.Add(this);
    }

    public void Dispose() => _owner?.Dispose();
}
