namespace GgufQuant.IO;

/// <summary>Which paths name the same file.</summary>
public static class PathIdentity
{
    /// <summary>Compares names with the case sensitivity usual on this system.</summary>
    public static StringComparer Comparer { get; } = OperatingSystem.IsLinux() ? StringComparer.Ordinal : StringComparer.OrdinalIgnoreCase;

    /// <summary>Whether two full paths lead to the same file, resolving symlinks.</summary>
    public static bool AreSame(string first, string second) => Comparer.Equals(Final(first), Final(second));

    // Any folder in the path may be a link, and so may the file itself.
    private static string Final(string path)
    {
        if (Path.GetDirectoryName(path) is not { } folder)
            return path;
        string here = Path.Combine(Final(folder), Path.GetFileName(path));
        FileSystemInfo? target = Path.Exists(here) ? File.ResolveLinkTarget(here, returnFinalTarget: true) : null;
        return target is null ? here : Final(target.FullName);
    }
}
