namespace GgufQuant.Checks;

/// <summary>One noteworthy fact about a file.</summary>
/// <param name="Severity">How much it matters.</param>
/// <param name="Subject">The tensor, metadata key or file concerned.</param>
/// <param name="Message">What was found, in complete sentences.</param>
public sealed record GgufFinding(FindingSeverity Severity, string Subject, string Message)
{
    /// <summary>The builds of llama.cpp that may end the program, by an assertion or a crash, or read beyond a value's end, instead of rejecting the file.</summary>
    internal LlamaBuilds EndsProgramIn { get; init; }
}
