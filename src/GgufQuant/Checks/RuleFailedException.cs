namespace GgufQuant.Checks;

/// <summary>A rule that llama.cpp's loader ends at, whatever else a file holds.</summary>
/// <param name="message">What is not as it must be.</param>
/// <param name="endsProgram">Whether the loader asserts it, or crashes, rather than rejects the file.</param>
internal sealed class RuleFailedException(string message, bool endsProgram = false) : Exception(message)
{
    public bool EndsProgram => endsProgram;
}
