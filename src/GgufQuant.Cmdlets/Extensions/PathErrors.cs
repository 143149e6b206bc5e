using System.Management.Automation;

namespace GgufQuant.Commands;

/// <summary>Errors about paths.</summary>
internal static class PathErrors
{
    /// <summary>Why a path is not that of a file; null where it is.</summary>
    /// <param name="path">The path.</param>
    /// <param name="advice">What to say of a folder besides, with the blank before it.</param>
    internal static ErrorRecord? NoFile(string path, string advice = "")
    {
        if (File.Exists(path))
            return null;
        return Directory.Exists(path) ? IsFolder(path, advice) : NotFound(path);
    }

    /// <summary>The same where several models may be named.</summary>
    internal static ErrorRecord? NoModel(string path) =>
        NoFile(path, $" To take the models in it, write '{System.IO.Path.Combine(path, "*.gguf")}'.");

    internal static ErrorRecord NotFound(string path) =>
        new(new FileNotFoundException($"The file '{path}' does not exist.", path), "FileNotFound", ErrorCategory.ObjectNotFound, path);

    internal static ErrorRecord NotFound(Exception exception, string path) =>
        new(exception, "FileNotFound", ErrorCategory.ObjectNotFound, path);

    internal static ErrorRecord Exists(string path) =>
        new(
            new IOException($"'{path}' already exists. Use -Force to replace it, or -Destination to write elsewhere."),
            "DestinationExists", ErrorCategory.ResourceExists, path);

    /// <summary>Why a file cannot be written under a name; null where the name is free or may be taken.</summary>
    internal static ErrorRecord? NotFree(string path, bool force)
    {
        if (Directory.Exists(path))
            return IsFolder(path, " Name a file in it.");
        return !force && File.Exists(path) ? Exists(path) : null;
    }

    private static ErrorRecord IsFolder(string path, string advice) =>
        new(new ArgumentException($"'{path}' is a folder, not a file.{advice}"), "PathIsFolder", ErrorCategory.InvalidArgument, path);

    internal static ErrorRecord NotAFileSystemPath(string path) =>
        new(new ArgumentException($"'{path}' is not a path of the file system."), "NotAFileSystemPath", ErrorCategory.InvalidArgument, path);
}
