namespace GgufQuant.Gguf;

/// <summary>What changing a file's metadata took.</summary>
public enum GgufEdit
{
    /// <summary>The file was already as wanted.</summary>
    Unchanged,

    /// <summary>A few bytes were written into the file.</summary>
    InPlace,

    /// <summary>The file was written anew and took the old one's name.</summary>
    Rewritten,
}
