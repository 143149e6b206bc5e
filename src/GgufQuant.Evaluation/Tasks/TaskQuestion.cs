namespace GgufQuant.Evaluation.Tasks;

/// <summary>A question of a known task.</summary>
/// <param name="Index">Its position in the file, from 0.</param>
/// <param name="Text">The question or the text to continue; for Winogrande, a sentence with a blank, <c>_</c>.</param>
/// <param name="Choices">The choices, at least two.</param>
/// <param name="Answer">The index of the correct choice.</param>
public sealed record TaskQuestion(int Index, string Text, IReadOnlyList<string> Choices, int Answer);
