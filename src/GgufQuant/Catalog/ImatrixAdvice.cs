namespace GgufQuant.Catalog;

/// <summary>What an importance matrix does for a file type.</summary>
public enum ImatrixAdvice
{
    /// <summary>The format makes no use of one.</summary>
    Ignored,

    /// <summary>It helps a little; the type is good without one.</summary>
    Optional,

    /// <summary>It helps visibly.</summary>
    Advised,

    /// <summary>llama.cpp does not quantize to the type without one.</summary>
    Required,
}
