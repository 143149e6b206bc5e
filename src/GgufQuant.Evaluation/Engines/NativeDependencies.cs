using System.Runtime.InteropServices;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Engines;

/// <summary>System libraries that a backend needs and its package does not contain.</summary>
internal static class NativeDependencies
{
    /// <summary>Describes a system library that a backend lacks; null if none is known to be missing. Nothing is loaded.</summary>
    /// <param name="backend">The backend's name, for example <c>Cuda12</c>.</param>
    public static string? FindMissing(string backend)
    {
        foreach ((string library, string advice) in Of(backend, OperatingSystem.IsWindows(), RuntimeInformation.ProcessArchitecture))
        {
            if (Find(library) is null)
                return $"'{library}' was not found: {advice}.";
        }
        return null;
    }

    /// <summary>Loads the available ones by their full paths. A backend that needs them uses the loaded ones and searches no folder.</summary>
    /// <param name="backend">The backend's name, for example <c>Cuda12</c>.</param>
    public static void Load(string backend)
    {
        foreach ((string library, _) in Of(backend, OperatingSystem.IsWindows(), RuntimeInformation.ProcessArchitecture))
        {
            if (Find(library) is { } path)
                _ = NativeLibrary.TryLoad(path, out _);
        }
    }

    private static string? Find(string library) => OperatingSystem.IsWindows()
        ? SystemLibrary.Find(library, ToolkitFolders())
        : SystemLibrary.Find(library);

    // CUDA's installer sets CUDA_PATH to the newest version, and one more variable per version.
    private static IEnumerable<string?> ToolkitFolders() =>
        from variable in (string[])["CUDA_PATH", .. Enumerable.Range(0, 10).Select(minor => $"CUDA_PATH_V12_{minor}")]
        let folder = Environment.GetEnvironmentVariable(variable)
        where folder is not null && Path.IsPathFullyQualified(folder)
        select Path.Combine(folder, "bin");

    /// <summary>The libraries that a backend needs, and how to get each.</summary>
    /// <param name="backend">The backend's name.</param>
    /// <param name="isWindows">Whether it is for Windows.</param>
    /// <param name="architecture">What processors it is for.</param>
    internal static IEnumerable<(string Library, string Advice)> Of(string backend, bool isWindows, Architecture architecture)
    {
        const string OpenMp = "install GNU OpenMP (package libgomp1 on Debian and Ubuntu, libgomp on Fedora and Alpine)";
        string visualC = $"install Microsoft's Visual C++ Redistributable for {architecture.ToString().ToLowerInvariant()}";
        const string CudaDriver = "install the NVIDIA driver";
        const string CudaToolkit = "install the CUDA 12 runtime";
        const string Vulkan = "install the graphics driver's Vulkan loader";
        if (OperatingSystem.IsLinux() && !isWindows)
            yield return ("libgomp.so.1", OpenMp);
        if (isWindows)
        {
            yield return ("msvcp140.dll", visualC);
            yield return ("vcruntime140.dll", visualC);
        }
        if (isWindows && architecture == Architecture.X64)
        {
            yield return ("vcruntime140_1.dll", visualC);
            yield return ("vcomp140.dll", visualC);
        }
        if (backend.Equals("Cuda12", StringComparison.OrdinalIgnoreCase))
        {
            yield return (isWindows ? "nvcuda.dll" : "libcuda.so.1", CudaDriver);
            yield return (isWindows ? "cudart64_12.dll" : "libcudart.so.12", CudaToolkit);
            yield return (isWindows ? "cublas64_12.dll" : "libcublas.so.12", CudaToolkit);
        }
        else if (backend.Equals("Vulkan", StringComparison.OrdinalIgnoreCase))
        {
            yield return (isWindows ? "vulkan-1.dll" : "libvulkan.so.1", Vulkan);
        }
    }
}
