using System.Management.Automation;
using GgufQuant.IO;

namespace GgufQuant.Commands;

/// <summary>The destinations of files.</summary>
/// <param name="destination">The full path of a file or a folder; null to write next to each source.</param>
/// <param name="isFolder">Whether it is a folder, which need not exist.</param>
internal sealed class Destinations(string? destination = null, bool isFolder = false)
{
    // The files written by this run, with the source of each.
    private readonly Dictionary<string, string> _written = new(StringComparer.Ordinal);
    private readonly PathSpellings _spellings = new();

    /// <summary>Parses a <c>-Destination</c>: only a name with a file's extension is a file.</summary>
    /// <param name="asGiven">The parameter's value.</param>
    /// <param name="fullPath">Its full path.</param>
    /// <param name="extensions">The extensions of files.</param>
    internal static Destinations At(string asGiven, string fullPath, params string[] extensions)
    {
        bool isFolder = Directory.Exists(fullPath)
            || Path.EndsInDirectorySeparator(asGiven)
            || !extensions.Contains(Path.GetExtension(fullPath), StringComparer.OrdinalIgnoreCase);
        return new(fullPath, isFolder);
    }

    internal bool IsFile => destination is not null && !isFolder;

    /// <summary>The full path of the file for one source.</summary>
    /// <param name="source">The source's full path.</param>
    /// <param name="name">The name of the file, unless the user named it.</param>
    internal string For(string source, string name) =>
        IsFile ? destination! : Path.Combine(destination ?? Path.GetDirectoryName(source)!, name);

    /// <summary>The full path of a file that is kept beside the file for one source.</summary>
    internal string Beside(string source, string name) => Path.Combine(Path.GetDirectoryName(For(source, name))!, name);

    /// <summary>Creates the folder for the files of one source, or writes an error if they must not be written.</summary>
    /// <param name="cmdlet">The cmdlet.</param>
    /// <param name="sources">The full path of the source, or those of its shards.</param>
    /// <param name="force">Whether files that exist are replaced.</param>
    /// <param name="paths">The full paths of the files.</param>
    /// <returns>Whether they may be written.</returns>
    internal bool TryPrepare(Cmdlet cmdlet, IReadOnlyList<string> sources, bool force, params IReadOnlyList<string> paths)
    {
        if (FindConflict(sources, force, paths) is ErrorRecord conflict)
        {
            cmdlet.WriteError(conflict);
            return false;
        }
        Directory.CreateDirectory(Path.GetDirectoryName(paths[0])!);
        return true;
    }

    private ErrorRecord? FindConflict(IReadOnlyList<string> sources, bool force, IReadOnlyList<string> paths)
    {
        foreach (string path in paths)
        {
            if (_written.TryGetValue(_spellings.Of(path), out string? earlier))
                return UsedTwice(path, isSameSource: PathIdentity.AreSame(sources[0], earlier));
            if (sources.Any(source => PathIdentity.AreSame(source, path)))
                return PathErrors.IsSource(path);
        }
        if (IsFile && PathErrors.NoFolder(destination!) is ErrorRecord error)
            return error;
        return force ? null : paths.Where(File.Exists).Select(PathErrors.Exists).FirstOrDefault();
    }

    /// <summary>Records files that have been or are about to be written, which the same run does not overwrite.</summary>
    internal void Keep(string source, params IReadOnlyList<string> paths)
    {
        foreach (string path in paths)
            _written[_spellings.Of(path)] = source;
    }

    /// <summary>Leaves to other sources the names of files that could not be written.</summary>
    internal void Forget(IReadOnlyList<string> paths)
    {
        foreach (string path in paths)
            _written.Remove(_spellings.Of(path));
    }

    private static ErrorRecord UsedTwice(string path, bool isSameSource)
    {
        string problem = isSameSource
            ? "has just been written from the same file: name each file only once."
            : "has just been written from another file: give -Destination a folder, or process one file at a time.";
        return new(new IOException($"'{path}' {problem}"), "DestinationUsedTwice", ErrorCategory.ResourceExists, path);
    }
}
