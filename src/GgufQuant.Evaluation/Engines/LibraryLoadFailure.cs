using System.Runtime.InteropServices;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Engines;

/// <summary>Why a native library cannot be loaded: systems say only that a file was not found, or has a wrong format.</summary>
internal static class LibraryLoadFailure
{
    /// <summary>The cause, as a sentence for the user.</summary>
    /// <param name="path">The library, which exists.</param>
    /// <param name="backend">Its backend's name, for example <c>Cuda12</c>.</param>
    /// <param name="cause">What the system says.</param>
    public static string Describe(string path, string backend, Exception cause) =>
        Describe(path, RuntimeInformation.ProcessArchitecture, NativeDependencies.FindMissing(backend), cause);

    /// <summary>The same for a process of another architecture.</summary>
    /// <param name="path">The library.</param>
    /// <param name="process">The architecture of the process.</param>
    /// <param name="missing">What it needs and the system lacks, as a sentence; null for nothing.</param>
    /// <param name="cause">What the system says.</param>
    internal static string Describe(string path, Architecture process, string? missing, Exception cause)
    {
        string failure = $"The engine's library '{path}' cannot be loaded";
        if (LibraryArchitecture.Of(path) is { } built && built != process)
            return $"{failure}: it is for {NameOf(built)}, but this PowerShell runs as {NameOf(process)}. Use PowerShell for {NameOf(built)}, or an engine for {NameOf(process)}.";
        return $"{failure}: {missing ?? cause.Message}";
    }

    private static string NameOf(Architecture architecture) => architecture.ToString().ToLowerInvariant();
}
