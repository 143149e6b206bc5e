namespace GgufQuant.Checks;

/// <summary>A rule that llama.cpp's loader ends at, whatever else a file holds.</summary>
internal sealed class RuleFailedException(string message) : Exception(message);
