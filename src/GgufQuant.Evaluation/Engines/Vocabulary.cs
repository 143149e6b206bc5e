namespace GgufQuant.Evaluation.Engines;

/// <summary>A model's vocabulary.</summary>
/// <param name="Count">Number of tokens, and of logits per position.</param>
/// <param name="BeginningOfSequence">The token a text begins with; -1 if there is none.</param>
/// <param name="AddsBeginningOfSequence">Whether the tokenizer starts a text with it.</param>
/// <param name="AddsEndOfSequence">Whether the tokenizer ends a text with an end token.</param>
/// <param name="Fingerprint">SHA-256 over the texts of all tokens, hexadecimal: equal for equal vocabularies.</param>
public sealed record Vocabulary(
    int Count, int BeginningOfSequence, bool AddsBeginningOfSequence, bool AddsEndOfSequence, string Fingerprint)
{
    /// <summary>Whether both models' logits refer to the same tokens.</summary>
    public bool Matches(Vocabulary other) => Count == other.Count && Fingerprint == other.Fingerprint;
}
