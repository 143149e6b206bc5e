namespace GgufQuant.Gguf;

/// <summary>What changing a file's metadata took.</summary>
public enum GgufEdit
{
    /// <summary>The file was already as wanted.</summary>
    Unchanged,

    /// <summary>A few bytes were written into the file.</summary>
    InPlace,

    /// <summary>The file was rewritten and replaced the old one.</summary>
    Rewritten,
}
