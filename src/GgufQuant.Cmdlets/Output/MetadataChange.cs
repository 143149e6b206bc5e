using GgufQuant.Gguf;

namespace GgufQuant.Commands;

/// <summary>A change of a file's metadata.</summary>
public sealed class MetadataChange
{
    internal MetadataChange(string path, GgufEdit change)
    {
        Path = path;
        Change = change.ToString();
    }

    /// <summary>The full path of the file.</summary>
    public string Path { get; }

    /// <summary>What the change took: Unchanged, InPlace or Rewritten.</summary>
    public string Change { get; }

    /// <summary>The file's path, so that the object can be passed as a path.</summary>
    public override string ToString() => Path;
}
