namespace GgufQuant.Gguf;

/// <summary>How a metadata edit was carried out.</summary>
public enum GgufEdit
{
    /// <summary>The file already had the requested metadata.</summary>
    Unchanged,

    /// <summary>A few bytes were written into the file.</summary>
    InPlace,

    /// <summary>The file was rewritten and replaced.</summary>
    Rewritten,
}
