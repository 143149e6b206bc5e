using System.Management.Automation;
using GgufQuant.Catalog;
using GgufQuant.Planning;
using GgufQuant.Quantization;

namespace GgufQuant.Commands;

/// <summary>Where quantized files go.</summary>
/// <param name="destination">The full path of a file or a folder; null to write beside each source.</param>
/// <param name="isFolder">Whether it is a folder, which need not exist.</param>
internal sealed class Destinations(string? destination, bool isFolder)
{
    // What this run has written, with the source of each.
    private readonly Dictionary<string, string> _written = new(FilePath.Comparer);

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

    /// <summary>Why the files of one source may not be written; null if they may.</summary>
    internal ErrorRecord? Refusal(string source, IReadOnlyList<string> paths, bool force)
    {
        foreach (string path in paths)
        {
            if (_written.TryGetValue(path, out string? earlier))
                return UsedTwice(path, isSameSource: FilePath.Comparer.Equals(source, earlier));
        }
        return force ? null : paths.Where(File.Exists).Select(PathErrors.Exists).FirstOrDefault();
    }

    /// <summary>Remembers files that have been written, which the same run does not replace.</summary>
    internal void Keep(string source, IReadOnlyList<string> paths)
    {
        foreach (string path in paths)
            _written[path] = source;
    }

    private static ErrorRecord UsedTwice(string path, bool isSameSource)
    {
        string problem = isSameSource
            ? "has just been written from the same file: name each file only once."
            : "has just been written from another file: give -Destination a folder, or take one file at a time.";
        return new(new IOException($"'{path}' {problem}"), "DestinationUsedTwice", ErrorCategory.ResourceExists, path);
    }
}
