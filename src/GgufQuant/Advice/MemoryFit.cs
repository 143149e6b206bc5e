namespace GgufQuant.Advice;

/// <summary>How well a model fits into memory.</summary>
public enum MemoryFit
{
    /// <summary>With at least a tenth of the memory to spare.</summary>
    Comfortable,

    /// <summary>It fits, with less to spare than other programs may need.</summary>
    Tight,

    /// <summary>It does not fit.</summary>
    TooLarge,
}
