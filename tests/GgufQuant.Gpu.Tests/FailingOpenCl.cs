using System.Runtime.InteropServices;
using GgufQuant.Gpu.OpenCl;

namespace GgufQuant.Gpu.Tests;

/// <summary>The system's OpenCL with kernels that fail on the device, compiled for this run.</summary>
public sealed unsafe class FailingOpenCl : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly OpenClApi? _api;
    private readonly delegate* unmanaged<int, void> _setFailing;
    private readonly delegate* unmanaged<int> _events;

    public FailingOpenCl()
    {
        Missing = OpenClTestDevice.Missing ?? (OperatingSystem.IsLinux() ? CCompiler.Missing : "OpenCL with kernels that fail is for Linux.");
        if (Missing is not null)
            return;
        string library = _folder.File("failing.so");
        CCompiler.CompileLibrary(library, Path.Combine(CudaStandIn.Sources, "failing_opencl.c"), "-Wl,--no-as-needed", "-l:libOpenCL.so.1", "-ldl");
        (_api, string? missing) = OpenClApi.Load([library]);
        Assert.Null(missing);
        nint handle = NativeLibrary.Load(library);
        _setFailing = (delegate* unmanaged<int, void>)NativeLibrary.GetExport(handle, "failing_set");
        _events = (delegate* unmanaged<int>)NativeLibrary.GetExport(handle, "failing_events");
    }

    /// <summary>Why there is none; null if there is one.</summary>
    public string? Missing { get; }

    /// <summary>Events that OpenCL has given out and not been given back.</summary>
    internal int Events => _events();

    /// <summary>Opens the device of the other tests.</summary>
    internal OpenClDriver Open() => OpenClTestDevice.Open(KernelSource.OpenCl, _api!);

    /// <summary>Says whether kernels fail.</summary>
    internal void SetKernelsFail(bool fail) => _setFailing(fail ? 1 : 0);

    public void Dispose() => _folder.Dispose();
}
