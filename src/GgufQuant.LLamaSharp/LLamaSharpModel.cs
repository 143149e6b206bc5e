using System.Buffers;
using System.Security.Cryptography;
using System.Text;
using GgufQuant.Evaluation.Engines;
using LLama;
using LLama.Native;

namespace GgufQuant.LLamaSharp;

/// <summary>A model in LLamaSharp.</summary>
internal sealed class LLamaSharpModel : ILanguageModel
{
    private readonly LLamaWeights _weights;
    private readonly Lazy<Vocabulary> _vocabulary;

    internal LLamaSharpModel(string path, LLamaWeights weights)
    {
        Path = path;
        _weights = weights;
        _vocabulary = new(DescribeVocabulary);
        if (Handle.Vocab.Type == LLamaVocabType.None || Handle.Vocab.Count == 0)
            throw new MissingVocabularyException(path);
        if (Handle.HasEncoder || !Handle.HasDecoder)
            throw new ModelLoadException(path, $"'{path}' is not a decoder-only language model, so its next-token predictions cannot be measured.");
    }

    public string Path { get; }

    public string Description => Handle.Description;

    public int TrainedContextLength => Handle.ContextSize;

    public Vocabulary Vocabulary => _vocabulary.Value;

    internal SafeLlamaModelHandle Handle => _weights.NativeHandle;

    public int[] Tokenize(string text, bool addSpecial, bool parseSpecial = false) =>
        Array.ConvertAll(Handle.Tokenize(text, addSpecial, parseSpecial, Encoding.UTF8), token => (int)token);

    public string Detokenize(ReadOnlySpan<int> tokens)
    {
        RequireTokens(tokens);
        ArrayBufferWriter<byte> text = new();
        foreach (int token in tokens)
            WriteText(text, token);
        return Encoding.UTF8.GetString(text.WrittenSpan);
    }

    public bool IsEndOfGeneration(int token)
    {
        RequireTokens([token]);
        return ((LLamaToken)token).IsEndOfGeneration(Handle);
    }

    public IEvaluationContext CreateContext(ContextOptions options) => new LLamaSharpContext(this, options);

    public void Dispose() => _weights.Dispose();

    // llama.cpp aborts the process on an id outside of the vocabulary.
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
        ArrayBufferWriter<byte> text = new();
        for (int token = 0; token < vocabulary.Count; token++)
        {
            text.ResetWrittenCount();
            WriteText(text, token);
            hash.AppendData(text.WrittenSpan);
            hash.AppendData([0]);
        }
        return new(
            vocabulary.Count,
            vocabulary.BOS is { } beginning ? (int)beginning : -1,
            vocabulary.ShouldAddBOS,
            vocabulary.ShouldAddEOS,
            Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    private void WriteText(ArrayBufferWriter<byte> text, int token)
    {
        Span<byte> destination = text.GetSpan(64);
        uint length = Handle.TokenToSpan(token, destination, lstrip: 0, special: true);
        if (length > destination.Length)
        {
            destination = text.GetSpan((int)length);
            length = Handle.TokenToSpan(token, destination, lstrip: 0, special: true);
        }
        text.Advance((int)length);
    }
}
