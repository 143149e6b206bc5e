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
    private readonly Lazy<IReadOnlyDictionary<string, HashSet<nint>>> _weights;
    private readonly bool _isWritable;

    internal LLamaSharpModel(string path, SafeLlamaModelHandle handle, bool isWritable)
    {
        Path = path;
        _isWritable = isWritable;
        _weights = new(FindWeights);
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

    public bool CanOverwrite(string weight) => _isWritable && _weights.Value.ContainsKey(weight);

    public unsafe void Overwrite(string weight, long offset, ReadOnlySpan<byte> data)
    {
        if (!CanOverwrite(weight))
            throw new NotSupportedException($"'{weight}' of '{Path}' cannot be overwritten.");
        GgmlLibrary ggml = LLamaSharpLibrary.Loaded.Ggml;
        foreach (nint address in _weights.Value[weight])
        {
            NativeTensor* tensor = (NativeTensor*)address;
            if (offset < 0 || (ulong)offset + (ulong)data.Length > ggml.ByteCount(tensor))
                throw new ArgumentOutOfRangeException(nameof(offset), offset, $"'{weight}' has {ggml.ByteCount(tensor)} bytes.");
            fixed (byte* bytes = data)
                ggml.Write(tensor, bytes, (nuint)offset, (nuint)data.Length);
        }
    }

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

    // A few tokens only: with more, weights beside the graphics card are copied to it first.
    private IReadOnlyDictionary<string, HashSet<nint>> FindWeights()
    {
        const int Tokens = 8;
        WeightFinder finder = new();
        using LLamaSharpContext context = new(this, new() { ContextLength = 64, BatchSize = Tokens }, finder);
        context.Evaluate(new int[Tokens], position: 0, firstOutput: 0, CancellationToken.None);
        return finder.Found;
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
