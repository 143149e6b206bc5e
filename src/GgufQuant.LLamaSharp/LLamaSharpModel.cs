using System.Security.Cryptography;
using System.Text;
using GgufQuant.Evaluation.Engines;
using LLama.Native;

namespace GgufQuant.LLamaSharp;

/// <summary>A model in LLamaSharp.</summary>
internal sealed class LLamaSharpModel : ILanguageModel
{
    private readonly nint _vocabularyPointer;
    private readonly Lazy<Vocabulary> _vocabulary;

    internal LLamaSharpModel(string path, SafeLlamaModelHandle handle)
    {
        Path = path;
        Handle = handle;
        _vocabularyPointer = LLamaSharpLibrary.Loaded.VocabularyOf(handle.DangerousGetHandle());
        _vocabulary = new(DescribeVocabulary);
        if (handle.Vocab.Type == LLamaVocabType.None || handle.Vocab.Count == 0)
            throw new MissingVocabularyException(path);
        if (handle.HasEncoder || !handle.HasDecoder)
            throw new ModelLoadException(path, $"'{path}' is not a decoder-only language model, so its next-token predictions cannot be measured.");
    }

    public string Path { get; }

    public string Description => Handle.Description;

    public int TrainedContextLength => Handle.ContextSize;

    public Vocabulary Vocabulary => _vocabulary.Value;

    internal SafeLlamaModelHandle Handle { get; }

    public int[] Tokenize(string text, bool addSpecial, bool parseSpecial = false) =>
        Array.ConvertAll(Handle.Tokenize(text, addSpecial, parseSpecial, Encoding.UTF8), token => (int)token);

    public string Detokenize(ReadOnlySpan<int> tokens)
    {
        ObjectDisposedException.ThrowIf(Handle.IsClosed, this);
        RequireTokens(tokens);
        byte[] text = new byte[(tokens.Length * 8) + 64];
        int count = LLamaSharpLibrary.Loaded.Detokenize(_vocabularyPointer, tokens, text);
        if (count < 0)
        {
            text = new byte[-count];
            count = LLamaSharpLibrary.Loaded.Detokenize(_vocabularyPointer, tokens, text);
        }
        return Encoding.UTF8.GetString(text, 0, Math.Max(count, 0));
    }

    public bool IsEndOfGeneration(int token)
    {
        RequireTokens([token]);
        return ((LLamaToken)token).IsEndOfGeneration(Handle);
    }

    public IEvaluationContext CreateContext(ContextOptions options) => new LLamaSharpContext(this, options);

    public void Dispose() => Handle.Dispose();

    // llama.cpp aborts the process on an id outside the vocabulary.
    internal void RequireTokens(ReadOnlySpan<int> tokens)
    {
        int count = Handle.Vocab.Count;
        foreach (int token in tokens)
        {
            if ((uint)token >= (uint)count)
                throw new ArgumentOutOfRangeException(nameof(tokens), token, $"Token {token} is not one of the {count} of '{Path}'.");
        }
    }

    private Vocabulary DescribeVocabulary()
    {
        SafeLlamaModelHandle.Vocabulary vocabulary = Handle.Vocab;
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (int token = 0; token < vocabulary.Count; token++)
        {
            hash.AppendData(LLamaSharpLibrary.Loaded.TokenText(_vocabularyPointer, token));
            hash.AppendData([0]);
        }
        return new(
            vocabulary.Count,
            vocabulary.BOS is { } beginning ? (int)beginning : -1,
            vocabulary.ShouldAddBOS,
            vocabulary.ShouldAddEOS,
            Convert.ToHexStringLower(hash.GetHashAndReset()));
    }
}
