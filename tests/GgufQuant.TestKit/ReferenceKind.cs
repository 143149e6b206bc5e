namespace GgufQuant.TestKit;

/// <summary>The builds of llama.cpp that can decide a test.</summary>
public enum ReferenceKind
{
    /// <summary>Any build.</summary>
    Any,

    /// <summary>Those whose arithmetic is the reference.</summary>
    Exact,

    /// <summary>v0.5.0, where NuGet's has a defect.</summary>
    Npm,
}
