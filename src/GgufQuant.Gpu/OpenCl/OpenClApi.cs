using System.Runtime.InteropServices;
using System.Text;
using GgufQuant.IO;

namespace GgufQuant.Gpu.OpenCl;

/// <summary>The OpenCL 1.2 functions used here, from the system's loader.</summary>
internal sealed unsafe class OpenClApi
{
    internal const int Success = 0;
    internal const int DeviceNotFound = -1;
    internal const int PlatformNotFound = -1001;

    internal readonly delegate* unmanaged<uint, nint*, uint*, int> GetPlatformIds;
    internal readonly delegate* unmanaged<nint, ulong, uint, nint*, uint*, int> GetDeviceIds;
    internal readonly delegate* unmanaged<nint, uint, nuint, void*, nuint*, int> GetDeviceInfo;
    internal readonly delegate* unmanaged<nint*, uint, nint*, nint, nint, int*, nint> CreateContext;
    internal readonly delegate* unmanaged<nint, int> ReleaseContext;
    internal readonly delegate* unmanaged<nint, nint, ulong, int*, nint> CreateCommandQueue;
    internal readonly delegate* unmanaged<nint, int> ReleaseCommandQueue;
    internal readonly delegate* unmanaged<nint, uint, byte**, nuint*, int*, nint> CreateProgramWithSource;
    internal readonly delegate* unmanaged<nint, uint, nint*, byte*, nint, nint, int> BuildProgram;
    internal readonly delegate* unmanaged<nint, nint, uint, nuint, void*, nuint*, int> GetProgramBuildInfo;
    internal readonly delegate* unmanaged<nint, int> ReleaseProgram;
    internal readonly delegate* unmanaged<nint, byte*, int*, nint> CreateKernel;
    internal readonly delegate* unmanaged<nint, int> ReleaseKernel;
    internal readonly delegate* unmanaged<nint, uint, nuint, void*, int> SetKernelArg;
    internal readonly delegate* unmanaged<nint, ulong, nuint, void*, int*, nint> CreateBuffer;
    internal readonly delegate* unmanaged<nint, int> ReleaseMemObject;
    internal readonly delegate* unmanaged<nint, nint, uint, nuint, nuint, void*, uint, nint, nint*, int> EnqueueWriteBuffer;
    internal readonly delegate* unmanaged<nint, nint, uint, nuint, nuint, void*, uint, nint, nint*, int> EnqueueReadBuffer;
    internal readonly delegate* unmanaged<nint, nint, nint, nuint, nuint, nuint, uint, nint, nint*, int> EnqueueCopyBuffer;
    internal readonly delegate* unmanaged<nint, nint, uint, ulong, nuint, nuint, uint, nint, nint, int*, void*> EnqueueMapBuffer;
    internal readonly delegate* unmanaged<nint, nint, void*, uint, nint, nint, int> EnqueueUnmapMemObject;
    internal readonly delegate* unmanaged<nint, nint, uint, nuint*, nuint*, nuint*, uint, nint, nint*, int> EnqueueNDRangeKernel;
    internal readonly delegate* unmanaged<uint, nint*, int> WaitForEvents;
    internal readonly delegate* unmanaged<nint, uint, nuint, void*, nuint*, int> GetEventInfo;
    internal readonly delegate* unmanaged<nint, int> ReleaseEvent;
    internal readonly delegate* unmanaged<nint, int> Finish;

    private OpenClApi(nint library)
    {
        nint Export(string name) => NativeLibrary.GetExport(library, name);
        GetPlatformIds = (delegate* unmanaged<uint, nint*, uint*, int>)Export("clGetPlatformIDs");
        GetDeviceIds = (delegate* unmanaged<nint, ulong, uint, nint*, uint*, int>)Export("clGetDeviceIDs");
        GetDeviceInfo = (delegate* unmanaged<nint, uint, nuint, void*, nuint*, int>)Export("clGetDeviceInfo");
        CreateContext = (delegate* unmanaged<nint*, uint, nint*, nint, nint, int*, nint>)Export("clCreateContext");
        ReleaseContext = (delegate* unmanaged<nint, int>)Export("clReleaseContext");
        CreateCommandQueue = (delegate* unmanaged<nint, nint, ulong, int*, nint>)Export("clCreateCommandQueue");
        ReleaseCommandQueue = (delegate* unmanaged<nint, int>)Export("clReleaseCommandQueue");
        CreateProgramWithSource = (delegate* unmanaged<nint, uint, byte**, nuint*, int*, nint>)Export("clCreateProgramWithSource");
        BuildProgram = (delegate* unmanaged<nint, uint, nint*, byte*, nint, nint, int>)Export("clBuildProgram");
        GetProgramBuildInfo = (delegate* unmanaged<nint, nint, uint, nuint, void*, nuint*, int>)Export("clGetProgramBuildInfo");
        ReleaseProgram = (delegate* unmanaged<nint, int>)Export("clReleaseProgram");
        CreateKernel = (delegate* unmanaged<nint, byte*, int*, nint>)Export("clCreateKernel");
        ReleaseKernel = (delegate* unmanaged<nint, int>)Export("clReleaseKernel");
        SetKernelArg = (delegate* unmanaged<nint, uint, nuint, void*, int>)Export("clSetKernelArg");
        CreateBuffer = (delegate* unmanaged<nint, ulong, nuint, void*, int*, nint>)Export("clCreateBuffer");
        ReleaseMemObject = (delegate* unmanaged<nint, int>)Export("clReleaseMemObject");
        EnqueueWriteBuffer = (delegate* unmanaged<nint, nint, uint, nuint, nuint, void*, uint, nint, nint*, int>)Export("clEnqueueWriteBuffer");
        EnqueueReadBuffer = (delegate* unmanaged<nint, nint, uint, nuint, nuint, void*, uint, nint, nint*, int>)Export("clEnqueueReadBuffer");
        EnqueueCopyBuffer = (delegate* unmanaged<nint, nint, nint, nuint, nuint, nuint, uint, nint, nint*, int>)Export("clEnqueueCopyBuffer");
        EnqueueMapBuffer = (delegate* unmanaged<nint, nint, uint, ulong, nuint, nuint, uint, nint, nint, int*, void*>)Export("clEnqueueMapBuffer");
        EnqueueUnmapMemObject = (delegate* unmanaged<nint, nint, void*, uint, nint, nint, int>)Export("clEnqueueUnmapMemObject");
        EnqueueNDRangeKernel = (delegate* unmanaged<nint, nint, uint, nuint*, nuint*, nuint*, uint, nint, nint*, int>)Export("clEnqueueNDRangeKernel");
        WaitForEvents = (delegate* unmanaged<uint, nint*, int>)Export("clWaitForEvents");
        GetEventInfo = (delegate* unmanaged<nint, uint, nuint, void*, nuint*, int>)Export("clGetEventInfo");
        ReleaseEvent = (delegate* unmanaged<nint, int>)Export("clReleaseEvent");
        Finish = (delegate* unmanaged<nint, int>)Export("clFinish");
    }

    /// <summary>The system's OpenCL, or why there is none.</summary>
    internal static (OpenClApi? Api, string? Missing) Load() => Load(
        OperatingSystem.IsWindows() ? ["OpenCL.dll"]
            : OperatingSystem.IsMacOS() ? ["/System/Library/Frameworks/OpenCL.framework/OpenCL"]
            : ["libOpenCL.so.1", "libOpenCL.so"]);

    /// <summary>The first library found, by name.</summary>
    internal static (OpenClApi? Api, string? Missing) Load(string[] names)
    {
        foreach (string name in names)
        {
            if (SystemLibrary.Find(name) is not { } path || !NativeLibrary.TryLoad(path, out nint library))
                continue;
            try
            {
                return (new OpenClApi(library), null);
            }
            catch (EntryPointNotFoundException exception)
            {
                return (null, $"The OpenCL library '{name}' is older than version 1.2: {exception.Message}");
            }
        }
        return (null, $"OpenCL is not installed: '{names[0]}' was not found. It comes with the graphics driver; on Linux, in separate packages "
            + "such as 'ocl-icd-libopencl1' and 'rocm-opencl-icd'.");
    }

    /// <summary>A fixed-size property of a device.</summary>
    internal T Info<T>(nint device, uint property)
        where T : unmanaged
    {
        T value = default;
        Check(GetDeviceInfo(device, property, (nuint)sizeof(T), &value, null), "describe a device");
        return value;
    }

    /// <summary>A text property of a device.</summary>
    internal string Text(nint device, uint property)
    {
        nuint length = 0;
        Check(GetDeviceInfo(device, property, 0, null, &length), "describe a device");
        byte[] bytes = new byte[length];
        fixed (byte* start = bytes)
            Check(GetDeviceInfo(device, property, length, start, null), "describe a device");
        return Encoding.UTF8.GetString(bytes).TrimEnd('\0').Trim();
    }

    /// <exception cref="GpuException">The status is an error.</exception>
    internal static void Check(int status, string action)
    {
        if (status != Success)
            throw new GpuException($"OpenCL could not {action}: {Explain(status)}.");
    }

    private static string Explain(int status) => status switch
    {
        -4 => "the device's memory is full (error -4)",
        -5 => "the device is out of resources (error -5)",
        -6 => "the host's memory is full (error -6)",
        -11 => "the kernels do not compile (error -11)",
        _ => $"error {status}",
    };
}
