using System.Buffers;
using System.Text;

namespace GgufQuant.Gpu.OpenCl;

/// <summary>One OpenCL device.</summary>
internal sealed unsafe class OpenClDriver : IGpuDriver
{
    private const ulong AllocateHostPointer = 1 << 4;
    private const ulong ReadWrite = 1 << 0;
    private const ulong MapReadWrite = 3;
    private const uint BuildLog = 0x1183;
    private const string BuildOptions = "-cl-std=CL1.2 -cl-fp32-correctly-rounded-divide-sqrt";

    private readonly OpenClApi _api;
    private readonly nint _device;
    private readonly bool _isGpu;
    private readonly nint _context;
    private readonly KernelModules _programs;
    private readonly nint _mapQueue;
    private readonly Lock _mapLock = new();
    private readonly KernelTables _tables;

    /// <param name="api">OpenCL.</param>
    /// <param name="device">The device.</param>
    /// <param name="source">Returns the source of a file's kernels.</param>
    /// <exception cref="GpuException">The device reports an error.</exception>
    internal OpenClDriver(OpenClApi api, OpenClDevice device, Func<string, string> source)
    {
        _api = api;
        _device = device.Id;
        _isGpu = device.IsGpu;
        Name = device.Name;
        FreeMemory = device.Memory;
        _tables = new(buffer => api.ReleaseMemObject(buffer));
        _programs = new(file => Build(source(file)), program => api.ReleaseProgram(program));
        try
        {
            nint id = device.Id;
            int status;
            _context = api.CreateContext(null, 1, &id, 0, 0, &status);
            OpenClApi.Check(status, $"use '{Name}'");
            _mapQueue = CreateCommandQueue();
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

    // A processor copies nothing; and PoCL 3.1 crashes the process if one kernel runs in two queues and is recompiled for a
    // larger job, because it then releases the wrong one's references.
    /// <inheritdoc/>
    public int Queues => _isGpu ? 4 : 1;

    /// <inheritdoc/>
    public IGpuQueue CreateQueue() => new OpenClQueue(_api, _context, _programs, CreateCommandQueue(), _tables);

    /// <inheritdoc/>
    public IMemoryOwner<byte> AllocatePinned(int bytes)
    {
        int status;
        nint buffer = _api.CreateBuffer(_context, ReadWrite | AllocateHostPointer, (nuint)bytes, null, &status);
        OpenClApi.Check(status, $"allocate {bytes:N0} bytes of memory for transfers");
        void* address;
        lock (_mapLock)
            address = _api.EnqueueMapBuffer(_mapQueue, buffer, 1, MapReadWrite, 0, (nuint)bytes, 0, 0, 0, &status);
        if (status == OpenClApi.Success)
            return new PinnedMemory(address, bytes, () => Unmap(buffer, address));
        _api.ReleaseMemObject(buffer);
        OpenClApi.Check(status, $"map {bytes:N0} bytes of memory for transfers");
        throw new InvalidOperationException();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _tables.Dispose();
        _programs.Dispose();
        if (_mapQueue != 0)
            _api.ReleaseCommandQueue(_mapQueue);
        if (_context != 0)
            _api.ReleaseContext(_context);
    }

    private void Unmap(nint buffer, void* address)
    {
        lock (_mapLock)
        {
            _api.EnqueueUnmapMemObject(_mapQueue, buffer, address, 0, 0, 0);
            _api.Finish(_mapQueue);
        }
        _api.ReleaseMemObject(buffer);
    }

    private nint CreateCommandQueue()
    {
        int status;
        nint queue = _api.CreateCommandQueue(_context, _device, 0, &status);
        OpenClApi.Check(status, $"create a queue on '{Name}'");
        return queue;
    }

    private nint Build(string source)
    {
        int status;
        nint program;
        fixed (byte* text = Encoding.ASCII.GetBytes(source + '\0'))
        {
            byte* start = text;
            program = _api.CreateProgramWithSource(_context, 1, &start, null, &status);
        }
        OpenClApi.Check(status, "load the kernels");
        nint device = _device;
        fixed (byte* options = Encoding.ASCII.GetBytes(BuildOptions + '\0'))
            status = _api.BuildProgram(program, 1, &device, options, 0, 0);
        if (status == OpenClApi.Success)
            return program;
        string log = ReadBuildLog(program);
        _api.ReleaseProgram(program);
        throw new GpuException($"The compiler of '{Name}' rejected the kernels (error {status}): {log}");
    }

    private string ReadBuildLog(nint program)
    {
        nuint length = 0;
        _api.GetProgramBuildInfo(program, _device, BuildLog, 0, null, &length);
        byte[] log = new byte[length];
        fixed (byte* start = log)
            _api.GetProgramBuildInfo(program, _device, BuildLog, length, start, null);
        return Encoding.UTF8.GetString(log).TrimEnd('\0').Trim();
    }
}
