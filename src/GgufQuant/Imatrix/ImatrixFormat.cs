namespace GgufQuant.Imatrix;

/// <summary>The file formats of importance matrices, by the names of their extensions.</summary>
public enum ImatrixFormat
{
    /// <summary>GGUF with sums and counts, which can be merged and resumed without loss.</summary>
    Gguf,

    /// <summary>The older format (<c>imatrix.dat</c>), which stores only means.</summary>
    Dat,
}
