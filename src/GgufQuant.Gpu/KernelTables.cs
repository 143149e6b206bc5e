using GgufQuant.Formats;

namespace GgufQuant.Gpu;

/// <summary>Lookup tables in card memory: copied there once, on first use, for all queues.</summary>
/// <param name="free">Frees card memory.</param>
internal sealed unsafe class KernelTables(Action<nint> free) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<Grid, (nint GridMap, nint Neighbours)> _grids = [];

    /// <summary>A grid as <c>grid_map</c> and <c>neighbours</c> of common.cl.</summary>
    /// <param name="grid">The grid.</param>
    /// <param name="queue">Copies the tables if the card does not have them yet, and waits.</param>
    /// <exception cref="GpuException">The driver reports an error, or the card's memory is full.</exception>
    internal (nint GridMap, nint Neighbours) Of(Grid grid, IGpuQueue queue)
    {
        lock (_lock)
        {
            if (_grids.TryGetValue(grid, out (nint, nint) tables))
                return tables;
            nint gridMap = Copy<int>(grid.Neighbours.Map, queue);
            try
            {
                tables = (gridMap, Copy<ushort>(grid.Neighbours.Lists, queue));
            }
            catch (GpuException)
            {
                free(gridMap);
                throw;
            }
            _grids.Add(grid, tables);
            return tables;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach ((nint gridMap, nint neighbours) in _grids.Values)
        {
            free(gridMap);
            free(neighbours);
        }
        _grids.Clear();
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
