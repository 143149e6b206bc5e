using System.Text;

namespace GgufQuant.Gpu.OpenCl;

/// <summary>An in-order command queue, with kernels of its own since their arguments are set one by one.</summary>
internal sealed unsafe class OpenClQueue(OpenClApi api, nint context, KernelModules programs, nint queue, KernelTables tables) : IGpuQueue
{
    private const ulong ReadWrite = 1 << 0;

    private readonly Dictionary<Kernel, nint> _kernels = [];

    /// <inheritdoc/>
    public KernelTables Tables => tables;

    /// <inheritdoc/>
    public nint Allocate(long bytes)
    {
        int status;
        nint buffer = api.CreateBuffer(context, ReadWrite, (nuint)bytes, null, &status);
        OpenClApi.Check(status, $"take {bytes:N0} bytes of the device's memory");
        return buffer;
    }

    /// <inheritdoc/>
    public void Free(nint buffer) => api.ReleaseMemObject(buffer);

    /// <inheritdoc/>
    public void Upload(nint buffer, void* source, long bytes) =>
        OpenClApi.Check(api.EnqueueWriteBuffer(queue, buffer, 0, 0, (nuint)bytes, source, 0, 0, 0), "copy to the device");

    /// <inheritdoc/>
    public void Download(void* destination, nint buffer, long bytes) =>
        OpenClApi.Check(api.EnqueueReadBuffer(queue, buffer, 0, 0, (nuint)bytes, destination, 0, 0, 0), "copy from the device");

    /// <inheritdoc/>
    public void Copy(nint destination, nint source, long bytes) =>
        OpenClApi.Check(api.EnqueueCopyBuffer(queue, source, destination, 0, 0, (nuint)bytes, 0, 0, 0), "copy within the device");

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
        OpenClApi.Check(api.EnqueueNDRangeKernel(queue, handle, 1, null, &items, &group, 0, 0, 0), $"run '{kernel.Name}'");
    }

    /// <inheritdoc/>
    public void Wait() => OpenClApi.Check(api.Finish(queue), "finish the work it was given");

    /// <inheritdoc/>
    public void Dispose()
    {
        api.Finish(queue);
        foreach (nint kernel in _kernels.Values)
            api.ReleaseKernel(kernel);
        api.ReleaseCommandQueue(queue);
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
