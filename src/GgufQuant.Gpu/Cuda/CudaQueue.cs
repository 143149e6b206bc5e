using System.Text;

namespace GgufQuant.Gpu.Cuda;

/// <summary>A stream, and the event that marks the end of its work.</summary>
internal sealed unsafe class CudaQueue : IGpuQueue
{
    private const uint NonBlocking = 1;
    private const uint BlockingSyncWithoutTiming = 1 | 2;

    private readonly CudaApi _api;
    private readonly nint _context;
    private readonly KernelModules _modules;
    private readonly nint _stream;
    private readonly nint _event;
    private readonly Dictionary<Kernel, nint> _functions = [];

    internal CudaQueue(CudaApi api, nint context, KernelModules modules, KernelTables tables)
    {
        _api = api;
        _context = context;
        _modules = modules;
        Tables = tables;
        nint handle;
        api.Check(api.StreamCreate(&handle, NonBlocking), "create a stream");
        _stream = handle;
        int status = api.EventCreate(&handle, BlockingSyncWithoutTiming);
        if (status != CudaApi.Success)
            api.StreamDestroy(_stream);
        api.Check(status, "create an event");
        _event = handle;
    }

    /// <inheritdoc/>
    public KernelTables Tables { get; }

    /// <inheritdoc/>
    public nint Allocate(long bytes)
    {
        Enter();
        nint buffer;
        _api.Check(_api.MemAlloc(&buffer, (nuint)bytes), $"allocate {bytes:N0} bytes of the card's memory");
        return buffer;
    }

    /// <inheritdoc/>
    public void Free(nint buffer)
    {
        _api.CtxSetCurrent(_context);
        _api.MemFree(buffer);
    }

    /// <inheritdoc/>
    public void Upload(nint buffer, void* source, long bytes)
    {
        Enter();
        _api.Check(_api.MemcpyHtoDAsync(buffer, source, (nuint)bytes, _stream), "copy to the card");
    }

    /// <inheritdoc/>
    public void Download(void* destination, nint buffer, long bytes)
    {
        Enter();
        _api.Check(_api.MemcpyDtoHAsync(destination, buffer, (nuint)bytes, _stream), "copy from the card");
    }

    /// <inheritdoc/>
    public void Copy(nint destination, nint source, long bytes)
    {
        Enter();
        _api.Check(_api.MemcpyDtoDAsync(destination, source, (nuint)bytes, _stream), "copy within the card");
    }

    /// <inheritdoc/>
    public void Launch(Kernel kernel, KernelArguments arguments)
    {
        Enter();
        void** addresses = stackalloc void*[KernelArguments.Count];
        KernelArguments.Addresses(&arguments, addresses);
        uint groups = (uint)((arguments.Items + GpuJob.GroupSize - 1) / GpuJob.GroupSize);
        int status = _api.LaunchKernel(Function(kernel), groups, 1, 1, GpuJob.GroupSize, 1, 1, 0, _stream, addresses, null);
        _api.Check(status, $"run '{kernel.Name}'");
    }

    /// <inheritdoc/>
    public void Wait()
    {
        Enter();
        _api.Check(_api.EventRecord(_event, _stream), "record an event");
        _api.Check(_api.EventSynchronize(_event), "finish its work");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _api.CtxSetCurrent(_context);
        _api.EventDestroy(_event);
        _api.StreamDestroy(_stream);
    }

    private void Enter() => _api.Check(_api.CtxSetCurrent(_context), "use the card");

    private nint Function(Kernel kernel)
    {
        if (_functions.TryGetValue(kernel, out nint function))
            return function;
        nint module = _modules.Of(kernel.File);
        fixed (byte* text = Encoding.ASCII.GetBytes(kernel.Name + '\0'))
            _api.Check(_api.ModuleGetFunction(&function, module, text), $"find the kernel '{kernel.Name}'");
        return _functions[kernel] = function;
    }
}
