using System.Runtime.InteropServices;
using GgufQuant.IO;

namespace GgufQuant.Gpu.Cuda;

/// <summary>The CUDA driver functions used here. They come with the driver; no toolkit is needed.</summary>
internal sealed unsafe class CudaApi
{
    internal const int Success = 0;
    internal const int NoDevice = 100;
    internal const int InvalidPtx = 218;
    internal const int UnsupportedPtxVersion = 222;
    internal const int NoBinaryForGpu = 209;

    internal readonly delegate* unmanaged<uint, int> Init;
    internal readonly delegate* unmanaged<int*, int> DeviceGetCount;
    internal readonly delegate* unmanaged<int*, int, int> DeviceGet;
    internal readonly delegate* unmanaged<byte*, int, int, int> DeviceGetName;
    internal readonly delegate* unmanaged<nuint*, int, int> DeviceTotalMem;
    internal readonly delegate* unmanaged<nint*, int, int> DevicePrimaryCtxRetain;
    internal readonly delegate* unmanaged<int, int> DevicePrimaryCtxRelease;
    internal readonly delegate* unmanaged<nint, int> CtxSetCurrent;
    internal readonly delegate* unmanaged<nint*, byte*, uint, int*, void**, int> ModuleLoadDataEx;
    internal readonly delegate* unmanaged<nint, int> ModuleUnload;
    internal readonly delegate* unmanaged<nint*, nint, byte*, int> ModuleGetFunction;
    internal readonly delegate* unmanaged<nuint*, nuint*, int> MemGetInfo;
    internal readonly delegate* unmanaged<nint*, nuint, int> MemAlloc;
    internal readonly delegate* unmanaged<nint, int> MemFree;
    internal readonly delegate* unmanaged<void**, nuint, uint, int> MemHostAlloc;
    internal readonly delegate* unmanaged<void*, int> MemFreeHost;
    internal readonly delegate* unmanaged<nint, void*, nuint, nint, int> MemcpyHtoDAsync;
    internal readonly delegate* unmanaged<void*, nint, nuint, nint, int> MemcpyDtoHAsync;
    internal readonly delegate* unmanaged<nint, nint, nuint, nint, int> MemcpyDtoDAsync;
    internal readonly delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int> LaunchKernel;
    internal readonly delegate* unmanaged<nint*, uint, int> StreamCreate;
    internal readonly delegate* unmanaged<nint, int> StreamDestroy;
    internal readonly delegate* unmanaged<nint*, uint, int> EventCreate;
    internal readonly delegate* unmanaged<nint, nint, int> EventRecord;
    internal readonly delegate* unmanaged<nint, int> EventSynchronize;
    internal readonly delegate* unmanaged<nint, int> EventDestroy;
    private readonly delegate* unmanaged<int, byte**, int> _getErrorString;

    private CudaApi(nint library)
    {
        nint Export(string name) => NativeLibrary.GetExport(library, name);
        Init = (delegate* unmanaged<uint, int>)Export("cuInit");
        DeviceGetCount = (delegate* unmanaged<int*, int>)Export("cuDeviceGetCount");
        DeviceGet = (delegate* unmanaged<int*, int, int>)Export("cuDeviceGet");
        DeviceGetName = (delegate* unmanaged<byte*, int, int, int>)Export("cuDeviceGetName");
        DeviceTotalMem = (delegate* unmanaged<nuint*, int, int>)Export("cuDeviceTotalMem_v2");
        DevicePrimaryCtxRetain = (delegate* unmanaged<nint*, int, int>)Export("cuDevicePrimaryCtxRetain");
        DevicePrimaryCtxRelease = (delegate* unmanaged<int, int>)Export("cuDevicePrimaryCtxRelease_v2");
        CtxSetCurrent = (delegate* unmanaged<nint, int>)Export("cuCtxSetCurrent");
        ModuleLoadDataEx = (delegate* unmanaged<nint*, byte*, uint, int*, void**, int>)Export("cuModuleLoadDataEx");
        ModuleUnload = (delegate* unmanaged<nint, int>)Export("cuModuleUnload");
        ModuleGetFunction = (delegate* unmanaged<nint*, nint, byte*, int>)Export("cuModuleGetFunction");
        MemGetInfo = (delegate* unmanaged<nuint*, nuint*, int>)Export("cuMemGetInfo_v2");
        MemAlloc = (delegate* unmanaged<nint*, nuint, int>)Export("cuMemAlloc_v2");
        MemFree = (delegate* unmanaged<nint, int>)Export("cuMemFree_v2");
        MemHostAlloc = (delegate* unmanaged<void**, nuint, uint, int>)Export("cuMemHostAlloc");
        MemFreeHost = (delegate* unmanaged<void*, int>)Export("cuMemFreeHost");
        MemcpyHtoDAsync = (delegate* unmanaged<nint, void*, nuint, nint, int>)Export("cuMemcpyHtoDAsync_v2");
        MemcpyDtoHAsync = (delegate* unmanaged<void*, nint, nuint, nint, int>)Export("cuMemcpyDtoHAsync_v2");
        MemcpyDtoDAsync = (delegate* unmanaged<nint, nint, nuint, nint, int>)Export("cuMemcpyDtoDAsync_v2");
        LaunchKernel = (delegate* unmanaged<nint, uint, uint, uint, uint, uint, uint, uint, nint, void**, void**, int>)Export("cuLaunchKernel");
        StreamCreate = (delegate* unmanaged<nint*, uint, int>)Export("cuStreamCreate");
        StreamDestroy = (delegate* unmanaged<nint, int>)Export("cuStreamDestroy_v2");
        EventCreate = (delegate* unmanaged<nint*, uint, int>)Export("cuEventCreate");
        EventRecord = (delegate* unmanaged<nint, nint, int>)Export("cuEventRecord");
        EventSynchronize = (delegate* unmanaged<nint, int>)Export("cuEventSynchronize");
        EventDestroy = (delegate* unmanaged<nint, int>)Export("cuEventDestroy_v2");
        _getErrorString = (delegate* unmanaged<int, byte**, int>)Export("cuGetErrorString");
    }

    /// <summary>The system's driver, or why there is none.</summary>
    internal static (CudaApi? Api, string? Missing) Load()
    {
        if (OperatingSystem.IsMacOS())
            return (null, "CUDA is not available on macOS.");
        return Load(OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1");
    }

    /// <summary>The driver in a library of that name.</summary>
    internal static (CudaApi? Api, string? Missing) Load(string name)
    {
        if (SystemLibrary.Find(name) is not { } path || !NativeLibrary.TryLoad(path, out nint library))
            return (null, $"The NVIDIA driver is not installed: '{name}' was not found.");
        try
        {
            CudaApi api = new(library);
            int status = api.Init(0);
            return status switch
            {
                Success => (api, null),
                NoDevice => (null, "The NVIDIA driver found no graphics card."),
                _ => (null, $"The NVIDIA driver does not start: {api.Explain(status)}."),
            };
        }
        catch (EntryPointNotFoundException exception)
        {
            return (null, $"The NVIDIA driver '{name}' is too old: {exception.Message}");
        }
    }

    /// <exception cref="GpuException">The status is an error.</exception>
    internal void Check(int status, string action)
    {
        if (status != Success)
            throw new GpuException($"CUDA could not {action}: {Explain(status)}.");
    }

    private string Explain(int status)
    {
        byte* text = null;
        _getErrorString(status, &text);
        return text is null ? $"error {status}" : $"{Marshal.PtrToStringUTF8((nint)text)} (error {status})";
    }
}
