namespace GgufQuant.Checks;

/// <summary>A rule at which llama.cpp's loader stops, whatever else a file contains.</summary>
/// <param name="message">What is wrong.</param>
/// <param name="endsProgram">Whether the loader asserts it or crashes instead of rejecting the file.</param>
internal sealed class RuleFailedException(string message, bool endsProgram = false) : Exception(message)
{
    public bool EndsProgram => endsProgram;
}
