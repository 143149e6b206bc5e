namespace GgufQuant.IO;

/// <summary>Gives every file one spelling, that of the first path that led to it, so that paths can be looked up as text.</summary>
public sealed class PathSpellings
{
    private readonly Dictionary<FilePlace, string> _first = [];
    private readonly IFileSystem _files;

    /// <summary>Begins without paths.</summary>
    public PathSpellings()
        : this(FileSystem.Native)
    {
    }

    internal PathSpellings(IFileSystem files) => _files = files;

    /// <summary>The first of the full paths asked for that leads to the same file as this one.</summary>
    public string Of(string path)
    {
        FilePlace place = PathIdentity.Of(_files, path);
        // The number of a file that was deleted may have been given to another.
        if (_first.TryGetValue(place, out string? first) && PathIdentity.Of(_files, first) == place)
            return first;
        return _first[place] = path;
    }
}
