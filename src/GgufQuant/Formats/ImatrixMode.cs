namespace GgufQuant.Formats;

/// <summary>Whether a search has importance weights: a type, so that each kernel is compiled for its case.</summary>
internal interface IImatrixMode
{
    /// <summary>Whether importance weights are given.</summary>
    static abstract bool Given { get; }
}

/// <summary>Without importance weights.</summary>
internal readonly struct WithoutImatrix : IImatrixMode
{
    public static bool Given => false;
}

/// <summary>With importance weights.</summary>
internal readonly struct WithImatrix : IImatrixMode
{
    public static bool Given => true;
}
