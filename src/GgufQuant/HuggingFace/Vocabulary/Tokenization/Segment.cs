namespace GgufQuant.HuggingFace.Vocabulary.Tokenization;

/// <summary>A piece of a text between two tokens.</summary>
/// <param name="Text">The piece; never empty.</param>
/// <param name="IsFirst">Whether the text starts with it.</param>
internal readonly record struct Segment(string Text, bool IsFirst);
