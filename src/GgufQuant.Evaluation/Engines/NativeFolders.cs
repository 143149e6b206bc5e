namespace GgufQuant.Evaluation.Engines;

/// <summary>Finds llama.cpp's libraries in a folder laid out like LLamaSharp's packages: one subfolder per backend or CPU variant.</summary>
internal static class NativeFolders
{
    private static readonly string[] s_cpuVariants = ["avx512", "avx2", "avx", "noavx", "rosetta2"];

    /// <summary>The folder for this processor; null if there is none.</summary>
    public static string? Cpu(string folder) =>
        NativePlatform.CpuVariants.Select(variant => Path.Combine(folder, variant)).FirstOrDefault(HasLlama);

    /// <summary>The folders of GPU backends, by name: <c>Cuda12</c>, <c>Vulkan</c>.</summary>
    public static IEnumerable<(string Name, string Path)> Gpu(string folder) => Directory.Exists(folder)
        ? Directory.EnumerateDirectories(folder)
            .Select(path => (Name: Path.GetFileName(path), Path: path))
            .Where(entry => !s_cpuVariants.Contains(entry.Name, StringComparer.OrdinalIgnoreCase) && HasLlama(entry.Path))
            .Select(entry => (char.ToUpperInvariant(entry.Name[0]) + entry.Name[1..], entry.Path))
            .OrderBy(entry => entry.Item1, StringComparer.Ordinal)
        : [];

    private static bool HasLlama(string folder) => File.Exists(Path.Combine(folder, NativePlatform.LibraryFile("llama")));
}
