using System.Runtime.InteropServices;

namespace GgufQuant.IO;

/// <summary>Finds libraries of the system by full path, so that none is taken from the current folder.</summary>
/// <remarks>
/// On Windows in System32; on Linux where the dynamic linker's configuration has them, and only then where an absolute entry of
/// <c>LD_LIBRARY_PATH</c> does, as clusters and containers need. A file is found without being loaded.
/// </remarks>
internal static class SystemLibrary
{
    private const string LinkerConfiguration = "/etc/ld.so.conf";
    private const int MaxConfigurationBytes = 1 << 16;
    private const int MaxIncludes = 64;

    // After what the configuration names; the first of them are the linker's own defaults.
    private static readonly string[] s_usual =
    [
        "/lib64", "/usr/lib64", "/lib", "/usr/lib", "/usr/local/lib", $"/lib/{Triplet}", $"/usr/lib/{Triplet}",
        "/usr/local/cuda/lib64", "/usr/lib/wsl/lib", "/run/opengl-driver/lib",
    ];

    private static string Triplet => RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "aarch64-linux-gnu" : "x86_64-linux-gnu";

    /// <summary>The full path of a library; null if the system does not have it.</summary>
    /// <param name="name">Its file name; a full path is returned as it is.</param>
    /// <param name="folders">Folders to search after those of the system.</param>
    public static string? Find(string name, params IEnumerable<string?> folders)
    {
        if (Path.IsPathFullyQualified(name))
            return name;
        IEnumerable<string?> all = OperatingSystem.IsWindows() ? [Environment.SystemDirectory, .. folders] : [.. LinuxFolders(), .. folders];
        return all.Where(folder => folder is not null).Select(folder => Path.Combine(folder!, name)).FirstOrDefault(IsUsable);
    }

    /// <summary>The folders that a path variable such as <c>LD_LIBRARY_PATH</c> names in full; an empty or relative entry means the current folder.</summary>
    internal static IEnumerable<string> AbsoluteEntries(string? variable) =>
        (variable ?? "").Split(Path.PathSeparator).Where(entry => Path.IsPathFullyQualified(entry));

    private static IEnumerable<string> LinuxFolders() =>
        [.. Configured(LinkerConfiguration, []), .. s_usual, .. AbsoluteEntries(Environment.GetEnvironmentVariable("LD_LIBRARY_PATH"))];

    private static IEnumerable<string> Configured(string path, HashSet<string> seen)
    {
        if (!RegularFile.Exists(path) || !seen.Add(path) || seen.Count > MaxIncludes)
            yield break;
        foreach (string line in InputText.Decode(RegularFile.ReadAllBytes(path, MaxConfigurationBytes)).Text.Split('\n'))
        {
            string entry = line.Split('#')[0].Trim();
            if (!entry.StartsWith("include ", StringComparison.Ordinal))
            {
                if (Path.IsPathFullyQualified(entry))
                    yield return entry;
                continue;
            }
            string pattern = Path.Combine(Path.GetDirectoryName(path)!, entry["include ".Length..].Trim());
            string folder = Path.GetDirectoryName(pattern)!;
            string[] files = Directory.Exists(folder) ? Directory.GetFiles(folder, Path.GetFileName(pattern)) : [];
            foreach (string included in files.Order(StringComparer.Ordinal))
            {
                foreach (string further in Configured(included, seen))
                    yield return further;
            }
        }
    }

    // Folders of 32-bit libraries may come first.
    private static bool IsUsable(string path) =>
        RegularFile.Exists(path) && (!OperatingSystem.IsLinux() || LibraryArchitecture.Of(path) == RuntimeInformation.ProcessArchitecture);
}
