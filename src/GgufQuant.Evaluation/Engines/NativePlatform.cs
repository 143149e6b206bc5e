using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace GgufQuant.Evaluation.Engines;

/// <summary>LLamaSharp's package names for this platform, its libraries and its processor.</summary>
internal static class NativePlatform
{
    /// <summary>For example <c>linux-x64</c>, <c>linux-musl-x64</c>, <c>osx-arm64</c>.</summary>
    public static string RuntimeIdentifier { get; } = $"{OperatingSystemName}-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";

    /// <summary>
    /// Subfolders that may contain the libraries for this processor, fastest first; empty means the platform's folder itself.
    /// LLamaSharp's rules: avx512 also needs BW, VBMI and VNNI.
    /// </summary>
    public static IReadOnlyList<string> CpuVariants { get; } = FindCpuVariants();

    /// <summary>The extension of native libraries.</summary>
    public static string LibraryExtension { get; } = OperatingSystem.IsWindows() ? ".dll" : OperatingSystem.IsMacOS() ? ".dylib" : ".so";

    private static string OperatingSystemName =>
        OperatingSystem.IsWindows() ? "win"
        : OperatingSystem.IsMacOS() ? "osx"
        : RuntimeInformation.RuntimeIdentifier.Contains("musl", StringComparison.Ordinal) ? "linux-musl"
        : "linux";

    /// <summary>The file name of a library: for <c>llama</c>, for example, <c>libllama.so</c>.</summary>
    public static string LibraryFile(string name) => (OperatingSystem.IsWindows() ? name : "lib" + name) + LibraryExtension;

    private static string[] FindCpuVariants()
    {
        if (RuntimeInformation.ProcessArchitecture != Architecture.X64)
            return [""];
        bool hasAvx2 = Avx2.IsSupported && Fma.IsSupported && Bmi2.IsSupported;
        if (OperatingSystem.IsMacOS())
            return hasAvx2 ? ["", "rosetta2"] : ["rosetta2"];
        List<string> variants = [];
        if (HasAvx512)
            variants.Add("avx512");
        if (hasAvx2)
            variants.Add("avx2");
        if (Avx.IsSupported)
            variants.Add("avx");
        variants.Add("noavx");
        return [.. variants];
    }

    private static bool HasAvx512
    {
        get
        {
            const int Avx512Vnni = 1 << 11;
            return Avx512BW.IsSupported && Avx512Vbmi.IsSupported && (X86Base.CpuId(7, 0).Ecx & Avx512Vnni) != 0;
        }
    }
}
