namespace GgufQuant.Catalog;

/// <summary>What an importance matrix does for a file type.</summary>
public enum ImatrixAdvice
{
    /// <summary>The format has no use for one.</summary>
    Ignored,

    /// <summary>It helps a little; the type is good without.</summary>
    Optional,

    /// <summary>It helps visibly.</summary>
    Recommended,

    /// <summary>llama.cpp refuses to make the type without one.</summary>
    Required,
}
