using System.Buffers;

namespace GgufQuant.Gpu;

/// <summary>Pinned memory from a driver.</summary>
internal sealed unsafe class PinnedMemory(void* address, int length, Action release) : MemoryManager<byte>
{
    private Action? _release = release;

    /// <inheritdoc/>
    public override Span<byte> GetSpan()
    {
        ObjectDisposedException.ThrowIf(_release is null, this);
        return new(address, length);
    }

    /// <inheritdoc/>
    public override MemoryHandle Pin(int elementIndex = 0)
    {
        ObjectDisposedException.ThrowIf(_release is null, this);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)elementIndex, (uint)length, nameof(elementIndex));
        return new((byte*)address + elementIndex);
    }

    /// <inheritdoc/>
    public override void Unpin()
    {
    }

    /// <inheritdoc/>
    protected override void Dispose(bool disposing) => Interlocked.Exchange(ref _release, null)?.Invoke();
}
