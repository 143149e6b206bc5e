using System.Runtime.InteropServices;

namespace GgufQuant.Evaluation.Engines;

/// <summary>Forwards llama.cpp's evaluation callback to an observer, and keeps the observer's exceptions off native frames.</summary>
internal sealed unsafe class ObservationBridge(GgmlLibrary ggml, IActivationObserver observer) : ITensorCallback, IDisposable
{
    private Staging _input;
    private Staging _selection;
    private Exception? _failure;

    /// <summary>If asking, whether the tensor is wanted; otherwise whether to continue.</summary>
    public bool OnTensor(NativeTensor* tensor, bool ask)
    {
        if (_failure is not null)
            return false;
        if (tensor->Operation != ggml.MatrixProduct && tensor->Operation != ggml.IndirectMatrixProduct)
            return !ask;
        NativeTensor* selection = tensor->Operation == ggml.IndirectMatrixProduct ? tensor->Source2 : null;
        try
        {
            string name = NameOf(tensor->Source0);
            if (ask)
                return observer.Wants(new(name, tensor->Source0, tensor->Source1, selection, null, null));
            byte* input = _input.Fetch(ggml, tensor->Source1);
            byte* selected = selection is null ? null : _selection.Fetch(ggml, selection);
            observer.Observe(new(name, tensor->Source0, tensor->Source1, selection, input, selected));
            return true;
        }
        catch (Exception exception)
        {
            _failure = exception;
            return false;
        }
    }

    public Exception? TakeFailure()
    {
        Exception? failure = _failure;
        _failure = null;
        return failure;
    }

    public void Dispose()
    {
        _input.Free();
        _selection.Free();
    }

    // The scheduler copies weights between devices under names such as CUDA0#blk.0.attn_k.weight#0.
    private static string NameOf(NativeTensor* weight)
    {
        string name = Marshal.PtrToStringUTF8((nint)weight->Name) ?? "";
        string[] parts = name.Split('#');
        return parts.Length > 1 ? parts[1] : name;
    }

    /// <summary>Host memory for a tensor that is on a device.</summary>
    private struct Staging
    {
        private byte* _memory;
        private nuint _size;

        public byte* Fetch(GgmlLibrary ggml, NativeTensor* tensor)
        {
            if (ggml.IsHostBuffer(tensor->Buffer))
                return tensor->Data;
            nuint size = ggml.ByteCount(tensor);
            if (size > _size)
            {
                _memory = (byte*)NativeMemory.Realloc(_memory, size);
                _size = size;
            }
            ggml.Read(tensor, _memory, size);
            return _memory;
        }

        public void Free() => NativeMemory.Free(_memory);
    }
}
