namespace GgufQuant.HuggingFace.Vocabulary;

/// <summary>llama.cpp's converter does not recognize a tokenizer by its output, so <c>tokenizer.ggml.pre</c> must be given.</summary>
public sealed class UnknownPreTokenizerException : Exception
{
    internal UnknownPreTokenizerException(string path, string hash, string? likelyName)
        : base($"'{path}': llama.cpp does not recognize the pre-tokenizer (hash {hash}): the tokenizer is new, or its vocabulary was changed. "
            + (likelyName is null ? "Its rules are not among the well-known ones either." : $"Its rules are those of '{likelyName}': give that name if the model descends from one that uses it."))
    {
        FilePath = path;
        Hash = hash;
        LikelyName = likelyName;
    }

    internal UnknownPreTokenizerException(string path, string problem, Exception? inner = null)
        : base($"'{path}': the pre-tokenizer cannot be recognized, because {problem}. Give its name.", inner) => FilePath = path;

    /// <summary>The file with the tokenizer.</summary>
    public string FilePath { get; }

    /// <summary>The SHA-256 of the tokens of llama.cpp's check text, in hexadecimal; null if the tokenizer cannot be run.</summary>
    public string? Hash { get; }

    /// <summary>The name of a pre-tokenizer with the same rules; null if there is none.</summary>
    public string? LikelyName { get; }
}
