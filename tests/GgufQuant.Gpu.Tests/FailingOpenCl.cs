using System.ComponentModel;
using System.Runtime.InteropServices;
using GgufQuant.Gpu.OpenCl;

namespace GgufQuant.Gpu.Tests;

/// <summary>The system's OpenCL with kernels that fail on the device, compiled for this run by clang.</summary>
public sealed unsafe class FailingOpenCl : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory().FullName;
    private readonly OpenClApi? _api;
    private readonly delegate* unmanaged<int, void> _setFailing;
    private readonly delegate* unmanaged<int> _events;

    public FailingOpenCl()
    {
        Missing = OpenClTestDevice.Missing ?? (OperatingSystem.IsLinux() ? null : "OpenCL with kernels that fail is for Linux.");
        if (Missing is not null)
            return;
        string library = Path.Combine(_folder, "failing.so");
        try
        {
            CudaStandIn.Clang(
                "-shared", "-o", library, Path.Combine(CudaStandIn.Sources, "failing_opencl.c"), "-Wl,--no-as-needed", "-l:libOpenCL.so.1", "-ldl");
        }
        catch (Win32Exception)
        {
            Missing = "clang, which compiles OpenCL with kernels that fail, is not installed.";
            return;
        }
        (_api, string? missing) = OpenClApi.Load([library]);
        Assert.Null(missing);
        nint handle = NativeLibrary.Load(library);
        _setFailing = (delegate* unmanaged<int, void>)NativeLibrary.GetExport(handle, "failing_set");
        _events = (delegate* unmanaged<int>)NativeLibrary.GetExport(handle, "failing_events");
    }

    /// <summary>Why there is none; null where there is one.</summary>
    public string? Missing { get; }

    /// <summary>Events that OpenCL has given out and not been given back.</summary>
    internal int Events => _events();

    /// <summary>Opens the device of the other tests.</summary>
    internal OpenClDriver Open() => OpenClTestDevice.Open(KernelSource.OpenCl, _api!);

    /// <summary>Says whether kernels fail.</summary>
    internal void SetKernelsFail(bool fail) => _setFailing(fail ? 1 : 0);

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
