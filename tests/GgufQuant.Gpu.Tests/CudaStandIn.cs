using System.ComponentModel;
using System.Diagnostics;
using System.Runtime.InteropServices;
using GgufQuant.Gpu.Cuda;

namespace GgufQuant.Gpu.Tests;

/// <summary>A stand-in for CUDA's driver that runs the committed PTX, compiled for this run by clang.</summary>
public sealed unsafe class CudaStandIn : IDisposable
{
    private static readonly Lazy<(byte[]? Library, string? Missing)> s_compiled = new(Compile);

    // A copy each, as what tests set is the library's.
    private readonly string _library = Path.Combine(Path.GetTempPath(), $"{Guid.NewGuid():N}.so");
    private readonly delegate* unmanaged<nuint, void> _limitMemory;
    private readonly delegate* unmanaged<Waits, void> _setWaits;
    private readonly delegate* unmanaged<int> _waiting;
    private readonly delegate* unmanaged<byte*, void> _requirePtx;

    public CudaStandIn()
    {
        (byte[]? compiled, Missing) = s_compiled.Value;
        if (compiled is null)
            return;
        File.WriteAllBytes(_library, compiled);
        (CudaApi? api, string? missing) = CudaApi.Load(_library);
        Assert.Null(missing);
        Api = api!;
        nint library = NativeLibrary.Load(_library);
        _limitMemory = (delegate* unmanaged<nuint, void>)NativeLibrary.GetExport(library, "stand_in_limit_memory");
        _setWaits = (delegate* unmanaged<Waits, void>)NativeLibrary.GetExport(library, "stand_in_set_waits");
        _waiting = (delegate* unmanaged<int>)NativeLibrary.GetExport(library, "stand_in_waiting");
        _requirePtx = (delegate* unmanaged<byte*, void>)NativeLibrary.GetExport(library, "stand_in_require_ptx");
    }

    /// <summary>Why there is none; null where there is one.</summary>
    public string? Missing { get; }

    /// <summary>Where the C is that clang compiles for tests.</summary>
    internal static string Sources { get; } = Repository.PathOf("tests", "GgufQuant.Gpu.Tests", "StandIn");

    /// <summary>Its functions.</summary>
    internal CudaApi Api { get; } = null!;

    /// <summary>Opens its only card.</summary>
    internal CudaDriver Open() => new(Api, CudaDevice.List(Api).Single(), KernelSource.Ptx);

    /// <summary>Leaves the card that many bytes.</summary>
    internal void LimitMemory(long bytes) => _limitMemory((nuint)bytes);

    /// <summary>Says what becomes of waiting for an event.</summary>
    internal void Set(Waits waits) => _setWaits(waits);

    /// <summary>Threads that wait for an event while waits last.</summary>
    internal int Waiting => _waiting();

    /// <summary>Says without which line PTX is of another version than the driver's.</summary>
    internal void RequirePtx(string line) => _requirePtx((byte*)Marshal.StringToCoTaskMemUTF8(line));

    public void Dispose() => File.Delete(_library);

    private static (byte[]? Library, string? Missing) Compile()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
            return (null, "The stand-in for CUDA's driver is for Linux on x64.");
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            KernelSource.Files.AsParallel().ForAll(file =>
            {
                string translated = Path.Combine(folder, $"{file}.c");
                File.WriteAllText(translated, PtxTranslator.Translate(KernelSource.Ptx(file)));
                Clang("-c", "-I", Sources, "-Werror=implicit-function-declaration", "-o", Path.Combine(folder, $"{file}.o"), translated);
            });
            string library = Path.Combine(folder, "cuda.so");
            Clang(["-shared", "-o", library, Path.Combine(Sources, "cuda_stand_in.c"), .. Directory.GetFiles(folder, "*.o"), "-lm"]);
            return (File.ReadAllBytes(library), null);
        }
        catch (AggregateException exception) when (exception.InnerExceptions.All(inner => inner is Win32Exception))
        {
            return (null, "clang, which compiles the stand-in for CUDA's driver, is not installed.");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Compiles C for the processor.</summary>
    /// <exception cref="Win32Exception">clang is not installed.</exception>
    internal static void Clang(params string[] arguments)
    {
        using Process clang = Process.Start("clang", ["-fPIC", "-O1", "-ffp-contract=off", "-fno-strict-aliasing", "-w", .. arguments]);
        clang.WaitForExit();
        Assert.Equal(0, clang.ExitCode);
    }

    /// <summary>What becomes of waiting for an event.</summary>
    internal enum Waits
    {
        /// <summary>What was begun is done.</summary>
        End,

        /// <summary>Nothing has been done.</summary>
        AreLost,

        /// <summary>The driver reports that the card is gone.</summary>
        Fail,

        /// <summary>It takes until this is set anew.</summary>
        Last,
    }
}
