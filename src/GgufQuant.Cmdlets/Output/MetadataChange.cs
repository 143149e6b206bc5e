using GgufQuant.Gguf;

namespace GgufQuant.Commands;

/// <summary>A change of a file's metadata.</summary>
public sealed class MetadataChange
{
    internal MetadataChange(string path, GgufEdit change)
    {
        Path = path;
        Change = change;
    }

    /// <summary>The full path of the file.</summary>
    public string Path { get; }

    /// <summary>What the change took.</summary>
    public GgufEdit Change { get; }

    /// <summary>The file's path, so that the object can stand where a path is asked for.</summary>
    public override string ToString() => Path;
}
