using System.Runtime.InteropServices;
using GgufQuant.Gpu.Cuda;

namespace GgufQuant.Gpu.Tests;

/// <summary>A stand-in for CUDA's driver that runs the committed PTX, compiled for this run.</summary>
public sealed unsafe class CudaStandIn : IDisposable
{
    private static readonly Lazy<(byte[]? Library, string? Missing)> s_compiled = new(Compile);

    // A copy each, as what tests set is the library's.
    private readonly TemporaryFolder _folder = new();
    private readonly delegate* unmanaged<nuint, void> _limitMemory;
    private readonly delegate* unmanaged<Waits, void> _setWaits;
    private readonly delegate* unmanaged<int> _waiting;
    private readonly delegate* unmanaged<byte*, void> _requirePtx;

    public CudaStandIn()
    {
        (byte[]? compiled, Missing) = s_compiled.Value;
        if (compiled is null)
            return;
        string path = _folder.File("cuda.so");
        File.WriteAllBytes(path, compiled);
        (CudaApi? api, string? missing) = CudaApi.Load(path);
        Assert.Null(missing);
        Api = api!;
        nint library = NativeLibrary.Load(path);
        _limitMemory = (delegate* unmanaged<nuint, void>)NativeLibrary.GetExport(library, "stand_in_limit_memory");
        _setWaits = (delegate* unmanaged<Waits, void>)NativeLibrary.GetExport(library, "stand_in_set_waits");
        _waiting = (delegate* unmanaged<int>)NativeLibrary.GetExport(library, "stand_in_waiting");
        _requirePtx = (delegate* unmanaged<byte*, void>)NativeLibrary.GetExport(library, "stand_in_require_ptx");
    }

    /// <summary>Why there is none; null if there is one.</summary>
    public string? Missing { get; }

    /// <summary>The C that is compiled for tests.</summary>
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

    public void Dispose() => _folder.Dispose();

    private static (byte[]? Library, string? Missing) Compile()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
            return (null, "The stand-in for CUDA's driver is for Linux on x64.");
        if (CCompiler.Missing is not null)
            return (null, CCompiler.Missing);
        using TemporaryFolder folder = new();
        KernelSource.Files.AsParallel().ForAll(file =>
        {
            string translated = folder.File($"{file}.c");
            File.WriteAllText(translated, PtxTranslator.Translate(KernelSource.Ptx(file)));
            CCompiler.Compile("-c", "-I", Sources, "-Werror=implicit-function-declaration", "-o", folder.File($"{file}.o"), translated);
        });
        string library = folder.File("cuda.so");
        CCompiler.CompileLibrary(library, [Path.Combine(Sources, "cuda_stand_in.c"), .. Directory.GetFiles(folder.Path, "*.o"), "-lm"]);
        return (File.ReadAllBytes(library), null);
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

        /// <summary>It takes until this is set again.</summary>
        Last,
    }
}
