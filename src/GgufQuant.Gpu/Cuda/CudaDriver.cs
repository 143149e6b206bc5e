using System.Buffers;
using System.Text;

namespace GgufQuant.Gpu.Cuda;

/// <summary>A graphics card that the CUDA driver reports.</summary>
/// <param name="Ordinal">Its index in the driver's list.</param>
/// <param name="Name">Its name.</param>
/// <param name="Memory">Its memory in bytes.</param>
internal sealed record CudaDevice(int Ordinal, string Name, long Memory)
{
    /// <summary>Every card.</summary>
    /// <exception cref="GpuException">The driver reports an error.</exception>
    internal static unsafe IReadOnlyList<CudaDevice> List(CudaApi api)
    {
        int count = 0;
        api.Check(api.DeviceGetCount(&count), "count the graphics cards");
        List<CudaDevice> devices = [];
        byte* name = stackalloc byte[256];
        for (int ordinal = 0; ordinal < count; ordinal++)
        {
            int device;
            nuint memory;
            api.Check(api.DeviceGet(&device, ordinal), "get a graphics card");
            api.Check(api.DeviceGetName(name, 256, device), "get a graphics card's name");
            api.Check(api.DeviceTotalMem(&memory, device), "get a graphics card's memory");
            devices.Add(new(ordinal, new string((sbyte*)name), (long)memory));
        }
        return devices;
    }
}

/// <summary>One graphics card under CUDA.</summary>
internal sealed unsafe class CudaDriver : IGpuDriver
{
    // The target of the kernels, then those that newer drivers may require after dropping the oldest cards: nothing in the
    // kernels depends on it.
    private static readonly (string Version, string Target)[] s_headers =
    [
        (".version 6.0", ".target sm_50"),
        (".version 6.3", ".target sm_75"),
    ];

    private readonly CudaApi _api;
    private readonly int _device;
    private readonly nint _context;
    private readonly KernelModules _modules;
    private readonly KernelTables _tables;

    /// <param name="api">The CUDA driver.</param>
    /// <param name="device">The card.</param>
    /// <param name="ptx">Returns the kernels of a file.</param>
    /// <exception cref="GpuException">The card reports an error.</exception>
    internal CudaDriver(CudaApi api, CudaDevice device, Func<string, string> ptx)
    {
        _api = api;
        Name = device.Name;
        int handle;
        api.Check(api.DeviceGet(&handle, device.Ordinal), $"find '{Name}'");
        nint context;
        api.Check(api.DevicePrimaryCtxRetain(&context, handle), $"use '{Name}'");
        _device = handle;
        _context = context;
        _tables = new(buffer => api.MemFree(buffer));
        _modules = new(file => Load(ptx(file)), module => api.ModuleUnload(module));
        try
        {
            Enter();
            nuint free;
            nuint total;
            api.Check(api.MemGetInfo(&free, &total), $"get the free memory of '{Name}'");
            FreeMemory = (long)free;
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public long FreeMemory { get; }

    /// <inheritdoc/>
    public int Queues => 4;

    /// <inheritdoc/>
    public IGpuQueue CreateQueue()
    {
        Enter();
        return new CudaQueue(_api, _context, _modules, _tables);
    }

    /// <inheritdoc/>
    public IMemoryOwner<byte> AllocatePinned(int bytes)
    {
        const uint Portable = 1;
        Enter();
        void* address;
        _api.Check(_api.MemHostAlloc(&address, (nuint)bytes, Portable), $"allocate {bytes:N0} bytes of memory for transfers");
        nint start = (nint)address;
        return new PinnedMemory(address, bytes, () =>
        {
            _api.CtxSetCurrent(_context);
            _api.MemFreeHost((void*)start);
        });
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _api.CtxSetCurrent(_context);
        _tables.Dispose();
        _modules.Dispose();
        _api.CtxSetCurrent(0);
        _api.DevicePrimaryCtxRelease(_device);
    }

    private void Enter() => _api.Check(_api.CtxSetCurrent(_context), $"use '{Name}'");

    private nint Load(string ptx)
    {
        int status = CudaApi.Success;
        nint module = 0;
        foreach ((string version, string target) in s_headers)
        {
            status = TryLoad(ptx.Replace(s_headers[0].Version, version).Replace(s_headers[0].Target, target), out module);
            if (status is not (CudaApi.InvalidPtx or CudaApi.UnsupportedPtxVersion or CudaApi.NoBinaryForGpu))
                break;
        }
        _api.Check(status, $"compile the kernels for '{Name}'");
        return module;
    }

    private int TryLoad(string ptx, out nint module)
    {
        Enter();
        nint loaded = 0;
        int status;
        fixed (byte* text = Encoding.ASCII.GetBytes(ptx + '\0'))
            status = _api.ModuleLoadDataEx(&loaded, text, 0, null, null);
        module = loaded;
        return status;
    }
}
