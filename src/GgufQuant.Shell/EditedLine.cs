namespace GgufQuant.Shell;

/// <summary>What came of editing a line.</summary>
/// <param name="Text">The line; null when it was abandoned.</param>
/// <param name="EndOfInput">Whether Ctrl+D on an empty line ended the input.</param>
internal readonly record struct EditedLine(string? Text, bool EndOfInput = false);
