using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using GgufQuant.Evaluation.Engines;
using LLama.Exceptions;
using LLama.Native;

namespace GgufQuant.LLamaSharp;

/// <summary>A context in LLamaSharp.</summary>
internal sealed unsafe class LLamaSharpContext : IEvaluationContext
{
    private readonly LLamaSharpModel _model;
    private readonly SafeLLamaContextHandle _handle;
    private readonly LLamaBatch _batch = new();
    private readonly int _vocabularySize;
    private readonly int _sequences;
    private readonly int[] _rows;
    private readonly ITensorCallback? _callback;
    private readonly GCHandle _self;
    private readonly Action? _heartbeat;

    private CancellationToken _cancellationToken;
    private float* _logits;
    private int _evaluated;

    internal LLamaSharpContext(LLamaSharpModel model, ContextOptions options)
        : this(model, options, options.Observer is { } observer ? new ObservationBridge(LLamaSharpLibrary.Loaded.Ggml, observer) : null)
    {
    }

    internal LLamaSharpContext(LLamaSharpModel model, ContextOptions options, ITensorCallback? callback)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.ContextLength, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.BatchSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.Sequences, 1);
        _model = model;
        _vocabularySize = model.Vocabulary.Count;
        ContextLength = options.ContextLength;
        BatchSize = Math.Min(options.BatchSize, options.ContextLength);
        _sequences = options.Sequences;
        _rows = new int[BatchSize];
        _callback = callback;
        _heartbeat = options.Heartbeat;
        _self = GCHandle.Alloc(this, GCHandleType.Weak);

        LLamaContextParams parameters = LLamaContextParams.Default();
        parameters.n_ctx = (uint)ContextLength;
        parameters.n_batch = (uint)BatchSize;
        parameters.n_ubatch = (uint)Math.Min(BatchSize, 512);
        parameters.n_seq_max = (uint)_sequences;
        // Otherwise each sequence would get its share of the context only.
        parameters.kv_unified = _sequences > 1;
        parameters.n_threads = parameters.n_threads_batch = options.EffectiveThreads;
        parameters.no_perf = true;
        parameters.abort_callback = (nint)(delegate* unmanaged[Cdecl]<nint, byte>)&OnAbort;
        parameters.abort_callback_user_data = GCHandle.ToIntPtr(_self);
        if (_callback is not null)
        {
            parameters.cb_eval = (nint)(delegate* unmanaged[Cdecl]<NativeTensor*, byte, nint, byte>)&OnTensor;
            parameters.cb_eval_user_data = GCHandle.ToIntPtr(_self);
        }
        List<string> complaints = LlamaLog.Complaints = [];
        try
        {
            _handle = SafeLLamaContextHandle.Create(model.Handle, parameters);
        }
        catch (RuntimeError)
        {
            _handle = new();
        }
        finally
        {
            LlamaLog.Complaints = null;
        }
        if (_handle.IsInvalid)
        {
            _self.Free();
            throw LoadFailure.OfContext(model.Path, EngineVersion.Text, ContextLength, complaints);
        }
    }

    public int ContextLength { get; }

    public int BatchSize { get; }

    public void Reset() => _handle.MemoryClear();

    public void Evaluate(ReadOnlySpan<int> tokens, int position, int firstOutput, CancellationToken cancellationToken)
    {
        RequireLength(tokens.Length);
        if (position < 0 || position > ContextLength - tokens.Length)
            throw new ArgumentOutOfRangeException(nameof(position), position, $"{tokens.Length} tokens from position {position} exceed the context of {ContextLength}.");
        _model.RequireTokens(tokens);

        _batch.Clear();
        for (int i = 0; i < tokens.Length; i++)
            _batch.Add(tokens[i], position + i, LLamaSeqId.Zero, logits: i >= firstOutput);
        Decode(tokens.Length, cancellationToken);
        for (int i = 0; i < tokens.Length; i++)
            _rows[i] = i >= firstOutput ? i - Math.Max(firstOutput, 0) : -1;
        PointToLogits(tokens.Length);
    }

    public void Evaluate(ReadOnlySpan<SequenceToken> tokens, CancellationToken cancellationToken)
    {
        RequireLength(tokens.Length);
        Span<LLamaSeqId> sequences = stackalloc LLamaSeqId[_sequences];
        _batch.Clear();
        foreach (SequenceToken token in tokens)
        {
            _model.RequireTokens([token.Id]);
            if (token.FirstSequence < 0 || token.SequenceCount < 1 || token.FirstSequence > _sequences - token.SequenceCount)
                throw new ArgumentException($"The context holds {_sequences} sequences.", nameof(tokens));
            if ((uint)token.Position >= (uint)ContextLength)
                throw new ArgumentException($"Position {token.Position} exceeds the context of {ContextLength}.", nameof(tokens));
            for (int i = 0; i < token.SequenceCount; i++)
                sequences[i] = (LLamaSeqId)(token.FirstSequence + i);
            _batch.Add(token.Id, token.Position, sequences[..token.SequenceCount], token.HasOutput);
        }
        Decode(tokens.Length, cancellationToken);
        int row = 0;
        for (int i = 0; i < tokens.Length; i++)
            _rows[i] = tokens[i].HasOutput ? row++ : -1;
        PointToLogits(tokens.Length);
    }

    public ReadOnlySpan<float> Logits(int index)
    {
        if ((uint)index >= (uint)_evaluated || _rows[index] < 0)
            throw new ArgumentOutOfRangeException(nameof(index), index, $"The last evaluation has no logits for token {index}.");
        return new(_logits + ((long)_rows[index] * _vocabularySize), _vocabularySize);
    }

    private void RequireLength(int count)
    {
        if (count < 1 || count > BatchSize)
            throw new ArgumentException($"{count} tokens do not fit a batch of 1 to {BatchSize}.");
    }

    private void Decode(int count, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        _evaluated = 0;
        _cancellationToken = cancellationToken;
        DecodeResult result = _handle.Decode(_batch);
        if (_callback?.TakeFailure() is { } failure)
            ExceptionDispatchInfo.Throw(failure);
        cancellationToken.ThrowIfCancellationRequested();
        if (result != DecodeResult.Ok)
            throw new InferenceException($"{EngineVersion.Text} could not evaluate {count} tokens with '{_model.Path}' ({result}).");
    }

    // The rows of all outputs are contiguous native memory, in the order of the tokens, so the address of the first is enough.
    private void PointToLogits(int count)
    {
        bool hasOutput = _rows.AsSpan(0, count).IndexOfAnyExcept(-1) >= 0;
        _logits = hasOutput ? (float*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(_handle.GetLogits())) : null;
        _evaluated = count;
    }

    public void Dispose()
    {
        if (_handle.IsClosed)
            return;
        _handle.Dispose();
        _logits = null;
        _evaluated = 0;
        (_callback as IDisposable)?.Dispose();
        _self.Free();
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static byte OnAbort(nint state)
    {
        if (GCHandle.FromIntPtr(state).Target is not LLamaSharpContext context)
            return 0;
        context._heartbeat?.Invoke();
        return context._cancellationToken.IsCancellationRequested ? (byte)1 : (byte)0;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static byte OnTensor(NativeTensor* tensor, byte ask, nint state) =>
        GCHandle.FromIntPtr(state).Target is LLamaSharpContext { _callback: { } callback } && callback.OnTensor(tensor, ask != 0) ? (byte)1 : (byte)0;
}
