namespace GgufQuant.HuggingFace.Vocabulary.Tokenization;

/// <summary>A tokenizer.json has an unknown part, or one that would take too long; the message is a clause such as "its pre-tokenizer has …".</summary>
internal sealed class UnsupportedTokenizerException(string problem, Exception? inner = null) : Exception(problem, inner);
