using System.Reflection;
using System.Runtime.InteropServices;

namespace GgufQuant.Reference;

/// <summary>llama.cpp's prebuilt libraries, release v0.5.0, from the npm package that this project's lock file pins.</summary>
public static class ReferenceLibrary
{
    private const string Package = "@node-llama-cpp";

    private static readonly Lazy<Handles?> s_handles = new(Load);

    /// <summary>Why the reference cannot be used here; null where it can.</summary>
    public static string? Missing =>
        s_handles.Value is null
            ? $"llama.cpp's reference library for {Platform} is missing: run 'npm ci' in tests/GgufQuant.Reference (Linux x64 only)."
            : null;

    /// <summary>The folder this repository is checked out in.</summary>
    public static string RepositoryRoot { get; } = typeof(ReferenceLibrary).Assembly
        .GetCustomAttributes<AssemblyMetadataAttribute>().First(attribute => attribute.Key == "RepositoryRoot").Value!;

    /// <summary>The folder of the libraries.</summary>
    public static string Folder { get; } = Path.Combine(RepositoryRoot, "tests", "GgufQuant.Reference", "node_modules", Package, "linux-x64", "bins", "linux-x64");

    /// <summary>A function of libggml-base.</summary>
    public static nint Base(string name) => NativeLibrary.GetExport(Available.Base, name);

    /// <summary>A function of libllama.</summary>
    public static nint Llama(string name) => NativeLibrary.GetExport(Available.Llama, name);

    // Only the x86-64 build is the reference: an ARM compiler contracts a*b+c, which changes bits.
    private static string Platform => $"{(OperatingSystem.IsLinux() ? "linux" : Environment.OSVersion.Platform)}-{RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant()}";

    private static Handles Available => s_handles.Value ?? throw new InvalidOperationException(Missing);

    private static Handles? Load()
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64 || !Directory.Exists(Folder))
            return null;
        nint ggmlBase = NativeLibrary.Load(Path.Combine(Folder, "libggml-base.so"));
        NativeLibrary.Load(Path.Combine(Folder, "libggml.v0.5.0.so"));
        nint llama = NativeLibrary.Load(Path.Combine(Folder, "libllama.v0.5.0.so"));
        return new Handles(ggmlBase, llama);
    }

    private sealed record Handles(nint Base, nint Llama);
}
