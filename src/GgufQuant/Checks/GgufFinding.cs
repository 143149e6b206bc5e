namespace GgufQuant.Checks;

/// <summary>One thing that is noteworthy about a file.</summary>
/// <param name="Severity">How much it matters.</param>
/// <param name="Subject">The tensor, metadata key or file it is about.</param>
/// <param name="Message">What was found, as full sentences.</param>
public sealed record GgufFinding(FindingSeverity Severity, string Subject, string Message);
