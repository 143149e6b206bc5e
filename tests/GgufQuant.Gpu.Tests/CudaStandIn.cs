using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using GgufQuant.Gpu.Cuda;

namespace GgufQuant.Gpu.Tests;

/// <summary>The stand-in for CUDA's driver, compiled from the kernels for this run by clang.</summary>
public sealed unsafe class CudaStandIn : IDisposable
{
    private readonly string _library = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.so");
    private readonly delegate* unmanaged<nuint, void> _limitMemory;

    public CudaStandIn()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            Missing = "The stand-in for CUDA's driver is for Linux on x64.";
            return;
        }
        string folder = Path.Combine(TestFolders.Root, "tests", "GgufQuant.Gpu.Tests", "StandIn");
        try
        {
            using Process clang = Process.Start(
                "clang",
                ["-shared", "-fPIC", "-O2", "-ffp-contract=off", "-w",
                "-I", Path.Combine(TestFolders.Root, "src", "GgufQuant.Gpu", "Kernels"),
                "-o", _library, Path.Combine(folder, "cuda_stand_in.c"), "-lm", "-ldl"]);
            clang.WaitForExit();
            Assert.Equal(0, clang.ExitCode);
        }
        catch (Win32Exception)
        {
            Missing = "clang, which compiles the stand-in for CUDA's driver, is not installed.";
            return;
        }
        (CudaApi? api, string? missing) = CudaApi.Load(_library);
        Assert.Null(missing);
        Api = api!;
        nint library = NativeLibrary.Load(_library);
        _limitMemory = (delegate* unmanaged<nuint, void>)NativeLibrary.GetExport(library, "stand_in_limit_memory");
    }

    /// <summary>Why there is none; null where there is one.</summary>
    public string? Missing { get; }

    /// <summary>Its functions.</summary>
    internal CudaApi Api { get; } = null!;

    /// <summary>Opens its only card.</summary>
    internal CudaDriver Open() => new(Api, CudaDevice.List(Api).Single(), KernelSource.Ptx);

    /// <summary>Leaves the card that many bytes.</summary>
    internal void LimitMemory(long bytes) => _limitMemory((nuint)bytes);

    public void Dispose() => File.Delete(_library);
}
