namespace GgufQuant.Commands;

/// <summary>The file formats of importance matrices, by the names of their extensions.</summary>
public enum ImatrixFormatName
{
    /// <summary>GGUF, with sums and counts: it can be merged without loss.</summary>
    Gguf,

    /// <summary>The older format, which keeps means alone.</summary>
    Dat,
}
