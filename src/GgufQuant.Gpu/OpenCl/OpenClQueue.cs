using System.Runtime.InteropServices;
using System.Text;

namespace GgufQuant.Gpu.OpenCl;

/// <summary>An in-order command queue, with its own kernels because their arguments are set one by one.</summary>
internal sealed unsafe class OpenClQueue(OpenClApi api, nint context, KernelModules programs, nint queue, KernelTables tables) : IGpuQueue
{
    private const ulong ReadWrite = 1 << 0;
    private const uint ExecutionStatusProperty = 0x11D3;

    private readonly Dictionary<Kernel, nint> _kernels = [];

    // One event per command since the last wait: only a command's event reports that it has failed.
    private readonly List<nint> _commands = [];

    /// <inheritdoc/>
    public KernelTables Tables => tables;

    /// <inheritdoc/>
    public nint Allocate(long bytes)
    {
        int status;
        nint buffer = api.CreateBuffer(context, ReadWrite, (nuint)bytes, null, &status);
        OpenClApi.Check(status, $"allocate {bytes:N0} bytes of the device's memory");
        return buffer;
    }

    /// <inheritdoc/>
    public void Free(nint buffer) => api.ReleaseMemObject(buffer);

    /// <inheritdoc/>
    public void Upload(nint buffer, void* source, long bytes)
    {
        nint command;
        Begin(api.EnqueueWriteBuffer(queue, buffer, 0, 0, (nuint)bytes, source, 0, 0, &command), command, "copy to the device");
    }

    /// <inheritdoc/>
    public void Download(void* destination, nint buffer, long bytes)
    {
        nint command;
        Begin(api.EnqueueReadBuffer(queue, buffer, 0, 0, (nuint)bytes, destination, 0, 0, &command), command, "copy from the device");
    }

    /// <inheritdoc/>
    public void Copy(nint destination, nint source, long bytes)
    {
        nint command;
        Begin(api.EnqueueCopyBuffer(queue, source, destination, 0, 0, (nuint)bytes, 0, 0, &command), command, "copy within the device");
    }

    /// <inheritdoc/>
    public void Launch(Kernel kernel, KernelArguments arguments)
    {
        nint handle = Created(kernel);
        void** addresses = stackalloc void*[KernelArguments.Count];
        KernelArguments.Addresses(&arguments, addresses);
        for (uint i = 0; i < KernelArguments.Count; i++)
            OpenClApi.Check(api.SetKernelArg(handle, i, KernelArguments.Sizes[(int)i], addresses[i]), $"set an argument of '{kernel.Name}'");
        nuint group = GpuJob.GroupSize;
        nuint items = ((nuint)arguments.Items + group - 1) / group * group;
        nint command;
        Begin(api.EnqueueNDRangeKernel(queue, handle, 1, null, &items, &group, 0, 0, &command), command, $"run '{kernel.Name}'");
    }

    /// <inheritdoc/>
    public void Wait()
    {
        Span<nint> commands = CollectionsMarshal.AsSpan(_commands);
        if (commands.IsEmpty)
            return;
        try
        {
            int waited;
            fixed (nint* first = commands)
                waited = api.WaitForEvents((uint)commands.Length, first);
            // A failed wait may return before the last command, which still uses host memory.
            int finished = api.Finish(queue);
            foreach (nint command in commands)
                OpenClApi.Check(StatusOf(command), "do its work");
            OpenClApi.Check(waited, "wait for its work");
            OpenClApi.Check(finished, "finish its work");
        }
        finally
        {
            ReleaseCommands();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        api.Finish(queue);
        ReleaseCommands();
        foreach (nint kernel in _kernels.Values)
            api.ReleaseKernel(kernel);
        api.ReleaseCommandQueue(queue);
    }

    private void Begin(int status, nint command, string action)
    {
        OpenClApi.Check(status, action);
        _commands.Add(command);
    }

    // Zero if it is done, an error if it has failed.
    private int StatusOf(nint command)
    {
        int status;
        OpenClApi.Check(api.GetEventInfo(command, ExecutionStatusProperty, sizeof(int), &status, null), "report the result of its work");
        return status;
    }

    private void ReleaseCommands()
    {
        foreach (nint command in _commands)
            api.ReleaseEvent(command);
        _commands.Clear();
    }

    private nint Created(Kernel kernel)
    {
        if (_kernels.TryGetValue(kernel, out nint handle))
            return handle;
        nint program = programs.Of(kernel.File);
        int status;
        fixed (byte* text = Encoding.ASCII.GetBytes(kernel.Name + '\0'))
            handle = api.CreateKernel(program, text, &status);
        OpenClApi.Check(status, $"find the kernel '{kernel.Name}'");
        return _kernels[kernel] = handle;
    }
}
