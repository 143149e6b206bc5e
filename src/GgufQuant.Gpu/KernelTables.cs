using GgufQuant.Formats;

namespace GgufQuant.Gpu;

/// <summary>What kernels look up in a card's memory: copied there once, when first asked for, for all queues.</summary>
/// <param name="free">Gives memory of the card back.</param>
internal sealed unsafe class KernelTables(Action<nint> free) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Lattice, (nint Places, nint Neighbours)> _lattices = [];

    /// <summary>A lattice as <c>places</c> and <c>neighbours</c> of common.cl.</summary>
    /// <param name="lattice">The lattice.</param>
    /// <param name="queue">Copies, if the card has not got it yet; it is waited for.</param>
    /// <exception cref="GpuException">The driver reports an error, or the card's memory is full.</exception>
    internal (nint Places, nint Neighbours) Of(Lattice lattice, IGpuQueue queue)
    {
        lock (_lock)
        {
            if (_lattices.TryGetValue(lattice, out (nint, nint) tables))
                return tables;
            nint places = Copy<int>(lattice.Neighbours.Places, queue);
            try
            {
                tables = (places, Copy<ushort>(lattice.Neighbours.Lists, queue));
            }
            catch (GpuException)
            {
                free(places);
                throw;
            }
            _lattices.Add(lattice, tables);
            return tables;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach ((nint places, nint neighbours) in _lattices.Values)
        {
            free(places);
            free(neighbours);
        }
        _lattices.Clear();
    }

    private nint Copy<T>(ReadOnlySpan<T> table, IGpuQueue queue)
        where T : unmanaged
    {
        long bytes = (long)table.Length * sizeof(T);
        nint buffer = queue.Allocate(bytes);
        try
        {
            fixed (T* source = table)
            {
                queue.Upload(buffer, source, bytes);
                queue.Wait();
            }
            return buffer;
        }
        catch (GpuException)
        {
            free(buffer);
            throw;
        }
    }
}
