namespace GgufQuant.HuggingFace.Vocabulary.Tokenization;

/// <summary>What becomes of the places where a text is split; tokenizers' <c>SplitDelimiterBehavior</c>.</summary>
internal enum SplitBehavior
{
    Removed,
    Isolated,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous,
}
