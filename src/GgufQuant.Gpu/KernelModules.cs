namespace GgufQuant.Gpu;

/// <summary>A card's compiled kernels: a file's kernels are compiled on first use, for all queues.</summary>
/// <param name="compile">Compiles the kernels of a file; throws <see cref="GpuException"/> if the driver cannot.</param>
/// <param name="release">Releases compiled kernels.</param>
internal sealed class KernelModules(Func<string, nint> compile, Action<nint> release) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, nint> _modules = [];

    /// <summary>The driver's handle for a file's kernels.</summary>
    /// <exception cref="GpuException">The driver's compiler rejects them.</exception>
    internal nint Of(string file)
    {
        lock (_lock)
        {
            if (!_modules.TryGetValue(file, out nint module))
                _modules.Add(file, module = compile(file));
            return module;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (nint module in _modules.Values)
            release(module);
        _modules.Clear();
    }
}
