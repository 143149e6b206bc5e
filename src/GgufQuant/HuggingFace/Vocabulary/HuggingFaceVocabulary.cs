namespace GgufQuant.HuggingFace.Vocabulary;

/// <summary>Reads the vocabulary of a Hugging Face model as the metadata of a GGUF file, as convert_hf_to_gguf writes it.</summary>
public static class HuggingFaceVocabulary
{
    /// <summary>Reads tokenizer files and makes the keys of the tokenizer.</summary>
    /// <param name="folder">The model.</param>
    /// <param name="kind">How models of its architecture keep their vocabulary.</param>
    /// <param name="options">What is given from outside.</param>
    /// <exception cref="ModelFolderException">A file is missing, is not what its name says, or contradicts another.</exception>
    /// <exception cref="UnknownPreTokenizerException">llama.cpp does not recognize the pre-tokenizer, and <paramref name="options"/> do not name it.</exception>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static VocabularyKeys Read(ModelFolder folder, VocabularyKind kind, VocabularyOptions options)
    {
        ArgumentNullException.ThrowIfNull(folder);
        ArgumentNullException.ThrowIfNull(options);
        return new VocabularyReader(folder, options).Read(kind);
    }
}
