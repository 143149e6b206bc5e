namespace GgufQuant.HuggingFace.Vocabulary.Tokenization;

/// <summary>Counts a tokenizer's normalizers, pre-tokenizers and decoders; real ones have about ten.</summary>
internal sealed class PartCount
{
    private const int Most = 256;

    private int _count;

    /// <exception cref="UnsupportedTokenizerException">There are more than in any real tokenizer.</exception>
    public void Add()
    {
        if (++_count > Most)
            throw new UnsupportedTokenizerException($"it has more than {Most} normalizers, pre-tokenizers and decoders");
    }
}
