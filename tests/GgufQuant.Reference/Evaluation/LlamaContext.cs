using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Reference.Evaluation;

/// <summary>A context in llama.cpp, of one sequence.</summary>
internal sealed unsafe class LlamaContext : IEvaluationContext
{
    private readonly LlamaModel _model;
    private readonly int _vocabularySize;
    private readonly ObservationBridge? _bridge;
    private readonly GCHandle _self;
    private readonly Action? _heartbeat;
    private readonly void* _batchMemory;
    private readonly TokenBatch _batch;

    private CancellationToken _cancellationToken;
    private nint _context;
    private float* _logits;
    private int _firstOutput;
    private int _evaluated;

    internal LlamaContext(LlamaModel model, ContextOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(options.ContextLength, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(options.BatchSize, 1);
        _model = model;
        _vocabularySize = model.Vocabulary.Count;
        ContextLength = options.ContextLength;
        BatchSize = Math.Min(options.BatchSize, options.ContextLength);
        _bridge = options.Observer is { } observer ? new(LlamaLibrary.Tensors, observer) : null;
        _heartbeat = options.Heartbeat;
        _self = GCHandle.Alloc(this, GCHandleType.Weak);

        ContextParameters parameters = LlamaApi.DefaultContextParameters().Value;
        parameters.ContextLength = (uint)ContextLength;
        parameters.BatchSize = (uint)BatchSize;
        // What is computed between two looks at the cancellation token.
        parameters.MicroBatchSize = (uint)Math.Min(BatchSize, 512);
        parameters.Threads = parameters.ThreadsBatch = options.EffectiveThreads;
        parameters.NoPerformanceTimings = 1;
        parameters.Abort = &OnAbort;
        parameters.AbortState = GCHandle.ToIntPtr(_self);
        if (_bridge is not null)
        {
            parameters.Evaluation = &OnTensor;
            parameters.EvaluationState = GCHandle.ToIntPtr(_self);
        }
        List<string> complaints = LlamaLog.Complaints = [];
        _context = LlamaApi.CreateContext(model.Handle, parameters);
        LlamaLog.Complaints = null;
        if (_context == 0)
        {
            _self.Free();
            throw LoadFailure.OfContext(model.Path, "llama.cpp v0.5.0", ContextLength, complaints);
        }
        _batchMemory = AllocateBatch(BatchSize, out _batch);
    }

    public int ContextLength { get; }

    public int BatchSize { get; }

    public void Reset()
    {
        ObjectDisposedException.ThrowIf(_context == 0, this);
        LlamaApi.ClearMemory(LlamaApi.GetMemory(_context), 1);
    }

    public void Evaluate(ReadOnlySpan<int> tokens, int position, int firstOutput, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(_context == 0, this);
        cancellationToken.ThrowIfCancellationRequested();
        if (tokens.Length < 1 || tokens.Length > BatchSize)
            throw new ArgumentException($"{tokens.Length} tokens do not fit a batch of 1 to {BatchSize}.", nameof(tokens));
        if (position < 0 || position > ContextLength - tokens.Length)
            throw new ArgumentOutOfRangeException(nameof(position), position, $"{tokens.Length} tokens from position {position} exceed the context of {ContextLength}.");
        _model.RequireTokens(tokens);

        TokenBatch batch = _batch;
        batch.Count = tokens.Length;
        tokens.CopyTo(new(batch.Tokens, tokens.Length));
        for (int i = 0; i < tokens.Length; i++)
        {
            batch.Positions[i] = position + i;
            batch.Outputs[i] = i >= firstOutput ? (byte)1 : (byte)0;
        }
        _evaluated = 0;
        _cancellationToken = cancellationToken;
        int result = LlamaApi.Decode(_context, batch);
        if (_bridge?.TakeFailure() is { } failure)
            ExceptionDispatchInfo.Throw(failure);
        cancellationToken.ThrowIfCancellationRequested();
        if (result != 0)
            throw new InferenceException($"llama.cpp could not evaluate {tokens.Length} tokens at position {position} with '{_model.Path}' (llama_decode returned {result}).");
        _firstOutput = Math.Max(firstOutput, 0);
        // Also waits until a GPU has finished.
        _logits = _firstOutput < tokens.Length ? LlamaApi.GetLogits(_context) : null;
        _evaluated = tokens.Length;
    }

    public ReadOnlySpan<float> Logits(int index)
    {
        ObjectDisposedException.ThrowIf(_context == 0, this);
        if (index < _firstOutput || index >= _evaluated || _logits is null)
            throw new ArgumentOutOfRangeException(nameof(index), index, $"The last evaluation has no logits for token {index}.");
        return new(_logits + ((long)(index - _firstOutput) * _vocabularySize), _vocabularySize);
    }

    public void Dispose()
    {
        if (_context == 0)
            return;
        LlamaApi.FreeContext(_context);
        _context = 0;
        _logits = null;
        _bridge?.Dispose();
        NativeMemory.Free(_batchMemory);
        _self.Free();
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static byte OnAbort(nint state)
    {
        if (GCHandle.FromIntPtr(state).Target is not LlamaContext context)
            return 0;
        context._heartbeat?.Invoke();
        return context._cancellationToken.IsCancellationRequested ? (byte)1 : (byte)0;
    }

    [UnmanagedCallersOnly(CallConvs = [typeof(CallConvCdecl)])]
    private static byte OnTensor(NativeTensor* tensor, byte ask, nint state) =>
        GCHandle.FromIntPtr(state).Target is LlamaContext { _bridge: { } bridge } && bridge.OnTensor(tensor, ask != 0) ? (byte)1 : (byte)0;

    // All tokens are of sequence 0, so the sequence arrays are filled once.
    private static void* AllocateBatch(int size, out TokenBatch batch)
    {
        nuint count = (nuint)size;
        nuint pointers = count * (nuint)sizeof(int*);
        nuint integers = count * sizeof(int);
        byte* memory = (byte*)NativeMemory.AllocZeroed(pointers + (3 * integers) + sizeof(int) + count);
        batch = new TokenBatch
        {
            Sequences = (int**)memory,
            Tokens = (int*)(memory + pointers),
            Positions = (int*)(memory + pointers + integers),
            SequenceCounts = (int*)(memory + pointers + (2 * integers)),
            Outputs = memory + pointers + (3 * integers) + sizeof(int),
        };
        int* sequence = (int*)(memory + pointers + (3 * integers));
        for (int i = 0; i < size; i++)
        {
            batch.Sequences[i] = sequence;
            batch.SequenceCounts[i] = 1;
        }
        return memory;
    }
}
