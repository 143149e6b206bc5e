namespace GgufQuant.IO;

/// <summary>Which paths name the same file.</summary>
/// <remarks>Links, other spellings and cases, mounted folders and mapped drives lead to one file: the file system is asked, not the text.</remarks>
public static class PathIdentity
{
    /// <summary>How names are compared where the file system is not asked: with the case sensitivity usual on this system.</summary>
    internal static StringComparison NameComparison { get; } = OperatingSystem.IsLinux() ? StringComparison.Ordinal : StringComparison.OrdinalIgnoreCase;

    /// <summary>Whether two full paths lead to the same file or folder, or would if it existed.</summary>
    public static bool AreSame(string first, string second) => AreSame(FileSystem.Native, first, second);

    internal static bool AreSame(IFileSystem files, string first, string second) => first == second || Of(files, first) == Of(files, second);

    /// <summary>A value that is equal for paths to the same file.</summary>
    internal static FilePlace Of(IFileSystem files, string path)
    {
        if (files.Identify(path) is { } file)
            return new(file, "");
        // What does not exist yet is known by its name in the innermost folder that does.
        for (string? folder = Path.GetDirectoryName(path); folder is not null; folder = Path.GetDirectoryName(folder))
        {
            if (files.Identify(folder) is { } parent)
                return new(parent, Fold(Path.GetRelativePath(folder, path)));
        }
        return new(null, Fold(path));
    }

    private static string Fold(string name) => NameComparison == StringComparison.Ordinal ? name : name.ToUpperInvariant();
}
