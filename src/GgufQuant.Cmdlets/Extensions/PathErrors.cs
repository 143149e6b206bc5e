using System.Management.Automation;

namespace GgufQuant.Commands;

/// <summary>Errors about paths.</summary>
internal static class PathErrors
{
    /// <summary>Why a path is not that of a file; null where it is.</summary>
    internal static ErrorRecord? NoFile(string path)
    {
        if (File.Exists(path))
            return null;
        return Directory.Exists(path) ? IsFolder(path) : NotFound(path);
    }

    internal static ErrorRecord NotFound(string path) =>
        new(new FileNotFoundException($"The file '{path}' does not exist.", path), "FileNotFound", ErrorCategory.ObjectNotFound, path);

    internal static ErrorRecord NotFound(Exception exception, string path) =>
        new(exception, "FileNotFound", ErrorCategory.ObjectNotFound, path);

    internal static ErrorRecord Exists(string path) =>
        new(
            new IOException($"'{path}' exists already. Use -Force to replace it, or -Destination to write elsewhere."),
            "DestinationExists", ErrorCategory.ResourceExists, path);

    internal static ErrorRecord IsFolder(string path) =>
        new(
            new ArgumentException($"'{path}' is a folder. To take the models in it, write '{System.IO.Path.Combine(path, "*.gguf")}'."),
            "PathIsFolder", ErrorCategory.InvalidArgument, path);

    internal static ErrorRecord NotAFileSystemPath(string path) =>
        new(new ArgumentException($"'{path}' is not a path of the file system."), "NotAFileSystemPath", ErrorCategory.InvalidArgument, path);
}
