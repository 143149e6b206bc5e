namespace GgufQuant.IO;

/// <summary>Paths as Windows' own functions take them.</summary>
internal static class WindowsPath
{
    // MAX_PATH, with the terminating NUL.
    private const int MaxLength = 260;
    private const string Prefix = @"\\?\";
    private const string SharePrefix = @"\\?\UNC\";

    /// <summary>A path that functions take at any length: those of 260 characters and more get the prefix <c>\\?\</c>, as .NET's own calls do.</summary>
    /// <param name="path">A full path.</param>
    public static string Extend(string path)
    {
        if (path.Length < MaxLength || path.StartsWith(Prefix, StringComparison.Ordinal) || path.StartsWith(@"\\.\", StringComparison.Ordinal))
            return path;
        // With the prefix, a slash is a character like any other.
        path = path.Replace('/', '\\');
        return path.StartsWith(@"\\", StringComparison.Ordinal) ? SharePrefix + path[2..] : Prefix + path;
    }
}
