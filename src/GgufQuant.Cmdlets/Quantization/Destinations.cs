using System.Management.Automation;
using GgufQuant.Catalog;
using GgufQuant.Planning;

namespace GgufQuant.Commands;

/// <summary>Where quantized files go.</summary>
/// <param name="destination">The full path of a file or a folder; null to write beside each source.</param>
/// <param name="isFolder">Whether it is a folder, which need not exist.</param>
internal sealed class Destinations(string? destination, bool isFolder)
{
    private readonly HashSet<string> _taken = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>Reads what the user gave as <c>-Destination</c>: only a name that ends in .gguf is a file.</summary>
    /// <param name="asGiven">The parameter's value.</param>
    /// <param name="fullPath">Its full path.</param>
    internal static Destinations At(string asGiven, string fullPath)
    {
        bool isFolder = Directory.Exists(fullPath)
            || Path.EndsInDirectorySeparator(asGiven)
            || !Path.GetExtension(fullPath).Equals(".gguf", StringComparison.OrdinalIgnoreCase);
        return new(fullPath, isFolder);
    }

    internal bool IsFile => destination is not null && !isFolder;

    /// <summary>The full path for one file: <c>model-f16.gguf</c> becomes <c>model-Q4_K_M.gguf</c>.</summary>
    internal string For(string source, FileType? type)
    {
        if (IsFile)
            return destination!;
        string suffix = type is null ? "" : $"-{type}";
        return Path.Combine(
            destination ?? Path.GetDirectoryName(source)!, $"{QuantName.WithoutQuantization(source)}{suffix}.gguf");
    }

    /// <summary>Claims the paths of one model's files; null, or why they may not be written.</summary>
    internal ErrorRecord? Claim(IReadOnlyList<string> paths, bool force)
    {
        foreach (string path in paths)
        {
            if (!_taken.Add(path))
            {
                return new(
                    new IOException($"'{path}' has just been written from another model: give -Destination a folder, or convert one model at a time."),
                    "DestinationUsedTwice", ErrorCategory.ResourceExists, path);
            }
        }
        return force ? null : paths.Where(File.Exists).Select(PathErrors.Exists).FirstOrDefault();
    }
}
