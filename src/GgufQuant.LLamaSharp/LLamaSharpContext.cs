using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using GgufQuant.Evaluation.Engines;
using LLama.Exceptions;
using LLama.Native;

namespace GgufQuant.LLamaSharp;

/// <summary>A single-sequence context in LLamaSharp.</summary>
internal sealed unsafe class LLamaSharpContext : IEvaluationContext
{
    private readonly LLamaSharpModel _model;
    private readonly SafeLLamaContextHandle _handle;
    private readonly LLamaBatch _batch = new();
    private readonly int _vocabularySize;
    private readonly ITensorCallback? _callback;
    private readonly GCHandle _self;
    private readonly Action? _heartbeat;

    private CancellationToken _cancellationToken;
    private float* _logits;
    private int _firstOutput;
    private int _evaluated;

    internal LLamaSharpContext(LLamaSharpModel model, ContextOptions options)
        : this(model, options, options.Observer is { } observer ? new ObservationBridge(LLamaSharpLibrary.Loaded.Ggml, observer) : null)
    {
    }

    internal LLamaSharpContext(LLamaSharpModel model, ContextOptions options, ITensorCallback? callback)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.ContextLength, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.BatchSize, 1);
        _model = model;
        _vocabularySize = model.Vocabulary.Count;
        ContextLength = options.ContextLength;
        BatchSize = Math.Min(options.BatchSize, options.ContextLength);
        _callback = callback;
        _heartbeat = options.Heartbeat;
        _self = GCHandle.Alloc(this, GCHandleType.Weak);

        LLamaContextParams parameters = LLamaContextParams.Default();
        parameters.n_ctx = (uint)ContextLength;
        parameters.n_batch = (uint)BatchSize;
        parameters.n_ubatch = (uint)Math.Min(BatchSize, 512);
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
        cancellationToken.ThrowIfCancellationRequested();
        if (tokens.Length < 1 || tokens.Length > BatchSize)
            throw new ArgumentException($"{tokens.Length} tokens do not fit a batch of 1 to {BatchSize}.", nameof(tokens));
        if (position < 0 || position > ContextLength - tokens.Length)
            throw new ArgumentOutOfRangeException(nameof(position), position, $"{tokens.Length} tokens from position {position} exceed the context of {ContextLength}.");
        _model.RequireTokens(tokens);

        _batch.Clear();
        for (int i = 0; i < tokens.Length; i++)
            _batch.Add(tokens[i], position + i, LLamaSeqId.Zero, logits: i >= firstOutput);
        _evaluated = 0;
        _cancellationToken = cancellationToken;
        DecodeResult result = _handle.Decode(_batch);
        if (_callback?.TakeFailure() is { } failure)
            ExceptionDispatchInfo.Throw(failure);
        cancellationToken.ThrowIfCancellationRequested();
        if (result != DecodeResult.Ok)
            throw new InferenceException($"{EngineVersion.Text} could not evaluate {tokens.Length} tokens at position {position} with '{_model.Path}' ({result}).");
        _firstOutput = Math.Max(firstOutput, 0);
        // The rows of all outputs are contiguous native memory, so the address of the first is enough.
        _logits = _firstOutput < tokens.Length ? (float*)Unsafe.AsPointer(ref MemoryMarshal.GetReference(_handle.GetLogits())) : null;
        _evaluated = tokens.Length;
    }

    public ReadOnlySpan<float> Logits(int index)
    {
        if (index < _firstOutput || index >= _evaluated || _logits is null)
            throw new ArgumentOutOfRangeException(nameof(index), index, $"The last evaluation has no logits for token {index}.");
        return new(_logits + ((long)(index - _firstOutput) * _vocabularySize), _vocabularySize);
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
