using System.Runtime.InteropServices;
using GgufQuant.Formats;

namespace GgufQuant.Reference;

/// <summary>A build of llama.cpp that the tests take their expectations from.</summary>
/// <param name="Name">The release of llama.cpp, or of the package it is in.</param>
/// <param name="Folder">The folder of the libraries.</param>
/// <param name="Libraries">The file names of libggml-base, of what depends on it, and of libllama, in the order of loading.</param>
/// <param name="GgmlVersion">What <c>ggml_version</c> returns.</param>
/// <param name="Restore">The command, in the checkout, that fetches the libraries.</param>
public sealed record ReferenceBuild(string Name, string Folder, IReadOnlyList<string> Libraries, string GgmlVersion, string Restore)
{
    /// <summary>Release v0.5.0 for Linux x64, from npm. Where the builds differ, this one is right.</summary>
    public static ReferenceBuild Npm { get; } = new(
        "llama.cpp v0.5.0",
        Path.Combine(ReferenceLibrary.RepositoryRoot, "tests", "GgufQuant.Reference", "node_modules", "@node-llama-cpp", "linux-x64", "bins", "linux-x64"),
        ["libggml-base.so", "libggml.v0.5.0.so", "libllama.v0.5.0.so"],
        GgmlVersion: "0.25.1",
        Restore: "npm --prefix tests/GgufQuant.Reference ci");

    /// <summary>The commit that LLamaSharp packages (815a2a591, as <c>ggml_commit</c> returns it), for every platform, from NuGet.</summary>
    public static ReferenceBuild NuGet { get; } = new(
        $"LLamaSharp.Backend.Cpu {Path.GetFileName(PackageFolder)}",
        Path.Combine(PackageFolder, "LLamaSharpRuntimes", Platform, "native", HasVariants ? "noavx" : ""),
        [.. new[] { "ggml-base", "ggml-cpu", "ggml", "llama" }.Select(FileName)],
        GgmlVersion: "0.18.0",
        Restore: "dotnet restore");

    /// <summary>Whether this machine can load the build.</summary>
    public bool IsPresent => (this != Npm || Platform == "linux-x64") && Libraries.All(library => File.Exists(Path.Combine(Folder, library)));

    /// <summary>Why this machine cannot load the build, and what to install; null if it can.</summary>
    public string? UnavailableReason =>
        IsPresent ? null
        : this == Npm && Platform != "linux-x64" ? $"{Name} is here for Linux on x64 alone."
        : $"{Name} is not in '{Folder}': run '{Restore}'.";

    // NuGet names it after the version.
    private static string PackageFolder => Path.TrimEndingDirectorySeparator(ReferenceLibrary.Metadata("LLamaSharpBackendCpu"));

    private static string Platform => $"{SystemName}-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";

    private static string SystemName =>
        OperatingSystem.IsWindows() ? "win"
        : OperatingSystem.IsMacOS() ? "osx"
        : RuntimeInformation.RuntimeIdentifier.Contains("musl", StringComparison.Ordinal) ? "linux-musl"
        : "linux";

    // One folder per instruction set: the lowest holds baseline code.
    private static bool HasVariants => RuntimeInformation.ProcessArchitecture == Architecture.X64 && !OperatingSystem.IsMacOS();

    /// <summary>Types that NuGet's build has no fallback from, for rows that are not whole blocks.</summary>
    public static IReadOnlyList<FileType> TypesWithoutFallback { get; } =
        [FileType.Q4_0, FileType.Q4_1, FileType.Q5_0, FileType.Q5_1, FileType.Q8_0, FileType.IQ4_NL, FileType.MXFP4_MOE];

    /// <summary>Why the build's arithmetic is not the reference; null if it is.</summary>
    public string? Deviation =>
        RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? $"{Name} for ARM64 fuses multiplications with additions, which rounds differently." : null;

    /// <summary>Why the blocks of a type that the build makes are not the reference; null if they are.</summary>
    public string? FindDeviation(GgmlType type) => type switch
    {
        GgmlType.IQ1_M when this == NuGet => $"{Name} searches {type} in another way than v0.5.0, which decides.",
        GgmlType.IQ1_S when SystemName != "linux" => $"{Name} sorts weights for {type} with qsort, which keeps the order of equal ones in glibc alone.",
        _ => Deviation,
    };

    /// <summary>Why the files of a type that the build makes are not the reference; null if they are.</summary>
    public string? FindDeviation(FileType type) => FindDeviation(type switch
    {
        FileType.IQ1_S => GgmlType.IQ1_S,
        FileType.IQ1_M => GgmlType.IQ1_M,
        _ => GgmlType.F32,
    });

    private static string FileName(string library) =>
        OperatingSystem.IsWindows() ? $"{library}.dll" : OperatingSystem.IsMacOS() ? $"lib{library}.dylib" : $"lib{library}.so";
}
