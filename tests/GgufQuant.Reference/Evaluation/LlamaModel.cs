using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Reference.Evaluation;

/// <summary>A model in llama.cpp.</summary>
internal sealed unsafe class LlamaModel : ILanguageModel
{
    private readonly nint _vocabulary;
    private readonly Lazy<Vocabulary> _describedVocabulary;
    private nint _model;

    private LlamaModel(string path, nint model)
    {
        Path = path;
        _model = model;
        _vocabulary = LlamaApi.GetVocabulary(model);
        _describedVocabulary = new(DescribeVocabulary);
    }

    public string Path { get; }

    public Vocabulary Vocabulary => _describedVocabulary.Value;

    public int TrainedContextLength => LlamaApi.TrainedContextLength(Handle);

    public string Description
    {
        get
        {
            byte* text = stackalloc byte[256];
            return LlamaApi.DescribeModel(Handle, text, 256) >= 0 ? Marshal.PtrToStringUTF8((nint)text) ?? "" : "";
        }
    }

    internal nint Handle
    {
        get
        {
            ObjectDisposedException.ThrowIf(_model == 0, this);
            return _model;
        }
    }

    internal static LlamaModel Load(string path, ModelOptions options, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (!File.Exists(path))
            throw new FileNotFoundException($"The file '{path}' does not exist.", path);
        LoadState state = new(options.Progress, cancellationToken);
        GCHandle handle = GCHandle.Alloc(state);
        List<string> complaints = LlamaLog.Complaints = [];
        try
        {
            ModelParameters parameters = LlamaApi.DefaultModelParameters().Value;
            parameters.GpuLayers = options.GpuLayers;
            parameters.VocabularyOnly = options.VocabularyOnly ? (byte)1 : (byte)0;
            parameters.Progress = &OnProgress;
            parameters.ProgressState = GCHandle.ToIntPtr(handle);
            nint model = LlamaApi.LoadModel(path, parameters);
            if (model == 0)
            {
                cancellationToken.ThrowIfCancellationRequested();
                throw LoadFailure.Of(path, "llama.cpp v0.5.0", complaints);
            }
            LlamaModel loaded = new(path, model);
            try
            {
                loaded.RequireTextModel();
            }
            catch
            {
                loaded.Dispose();
                throw;
            }
            return loaded;
        }
        finally
        {
            LlamaLog.Complaints = null;
            handle.Free();
        }
    }

    public int[] Tokenize(string text, bool addSpecial, bool parseSpecial = false)
    {
        ObjectDisposedException.ThrowIf(_model == 0, this);
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        int[] tokens = new int[utf8.Length + 8];
        int count = Call(tokens);
        if (count < 0 && count != int.MinValue)
        {
            tokens = new int[-count];
            count = Call(tokens);
        }
        if (count < 0)
            throw new InferenceException($"llama.cpp could not tokenize a text of {utf8.Length} bytes with '{Path}'.");
        return tokens[..count];

        int Call(int[] destination)
        {
            fixed (byte* source = utf8)
            fixed (int* target = destination)
            {
                byte empty = 0;
                return LlamaApi.Tokenize(
                    _vocabulary, source is null ? &empty : source, utf8.Length, target, destination.Length, ToByte(addSpecial), ToByte(parseSpecial));
            }
        }
    }

    public string Detokenize(ReadOnlySpan<int> tokens)
    {
        ObjectDisposedException.ThrowIf(_model == 0, this);
        RequireTokens(tokens);
        byte[] text = new byte[(tokens.Length * 8) + 64];
        int count = Call(tokens, text);
        if (count < 0)
        {
            text = new byte[-count];
            count = Call(tokens, text);
        }
        return Encoding.UTF8.GetString(text, 0, Math.Max(count, 0));

        int Call(ReadOnlySpan<int> source, byte[] destination)
        {
            fixed (int* first = source)
            fixed (byte* target = destination)
                return LlamaApi.Detokenize(_vocabulary, first, source.Length, target, destination.Length, 0, 1);
        }
    }

    public bool IsEndOfGeneration(int token)
    {
        ObjectDisposedException.ThrowIf(_model == 0, this);
        RequireTokens([token]);
        return LlamaApi.IsEndOfGeneration(_vocabulary, token) != 0;
    }

    public IEvaluationContext CreateContext(ContextOptions options) => new LlamaContext(this, options);

    public void Dispose()
    {
        if (_model == 0)
            return;
        LlamaApi.FreeModel(_model);
        _model = 0;
    }

    // llama.cpp aborts the process on an id outside of the vocabulary.
    internal void RequireTokens(ReadOnlySpan<int> tokens)
    {
        int count = LlamaApi.TokenCount(_vocabulary);
        foreach (int token in tokens)
        {
            if ((uint)token >= (uint)count)
                throw new ArgumentOutOfRangeException(nameof(tokens), token, $"Token {token} is not one of the {count} of '{Path}'.");
        }
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static byte OnProgress(float share, nint state)
    {
        LoadState load = (LoadState)GCHandle.FromIntPtr(state).Target!;
        try
        {
            load.Progress?.Report(share);
        }
        catch (Exception)
        {
            // A progress receiver's failure must not unwind through native frames nor stop the load.
        }
        return ToByte(!load.CancellationToken.IsCancellationRequested);
    }

    private static byte ToByte(bool value) => value ? (byte)1 : (byte)0;

    private void RequireTextModel()
    {
        if (LlamaApi.VocabularyType(_vocabulary) == 0 || LlamaApi.TokenCount(_vocabulary) == 0)
            throw new MissingVocabularyException(Path);
        if (LlamaApi.HasEncoder(_model) != 0 || LlamaApi.HasDecoder(_model) == 0)
            throw new ModelLoadException(Path, $"'{Path}' is not a decoder-only language model, so its next-token predictions cannot be measured.");
    }

    private Vocabulary DescribeVocabulary()
    {
        int count = LlamaApi.TokenCount(_vocabulary);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        for (int token = 0; token < count; token++)
        {
            ReadOnlySpan<byte> text = MemoryMarshal.CreateReadOnlySpanFromNullTerminated(LlamaApi.TokenText(_vocabulary, token));
            hash.AppendData(text);
            hash.AppendData([0]);
        }
        return new(
            count,
            LlamaApi.BeginningOfSequence(_vocabulary),
            LlamaApi.AddsBeginningOfSequence(_vocabulary) != 0,
            LlamaApi.AddsEndOfSequence(_vocabulary) != 0,
            Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    private sealed record LoadState(IProgress<double>? Progress, CancellationToken CancellationToken);
}
