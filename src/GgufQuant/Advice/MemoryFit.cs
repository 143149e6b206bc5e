namespace GgufQuant.Advice;

/// <summary>How well a model fits into memory.</summary>
public enum MemoryFit
{
    /// <summary>With at least the reserve to spare.</summary>
    Comfortable,

    /// <summary>It fits, with less than the reserve to spare.</summary>
    Tight,

    /// <summary>It does not fit.</summary>
    TooLarge,
}
