namespace GgufQuant.HuggingFace.Vocabulary.Tokenization;

/// <summary>A tokenizer.json has a part that is not known here, or one that would take too long: the message is a clause such as "the pre-tokenizer has …".</summary>
internal sealed class UnsupportedTokenizerException(string problem, Exception? inner = null) : Exception(problem, inner);
