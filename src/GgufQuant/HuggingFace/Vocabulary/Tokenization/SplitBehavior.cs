namespace GgufQuant.HuggingFace.Vocabulary.Tokenization;

/// <summary>What happens to the delimiters at which a text is split; tokenizers' <c>SplitDelimiterBehavior</c>.</summary>
internal enum SplitBehavior
{
    Removed,
    Isolated,
    MergedWithPrevious,
    MergedWithNext,
    Contiguous,
}
