namespace GgufQuant.HuggingFace.Vocabulary.Tokenization;

/// <summary>How many normalizers, pre-tokenizers and decoders a tokenizer has, which real ones have some ten of.</summary>
internal sealed class PartCount
{
    private const int Most = 256;

    private int _count;

    /// <exception cref="UnsupportedTokenizerException">There are more than any tokenizer has.</exception>
    public void Add()
    {
        if (++_count > Most)
            throw new UnsupportedTokenizerException($"it has more than {Most} normalizers, pre-tokenizers and decoders");
    }
}
