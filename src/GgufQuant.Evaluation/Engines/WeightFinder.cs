using System.Runtime.InteropServices;

namespace GgufQuant.Evaluation.Engines;

/// <summary>Finds the weights that a model computes with, without reading data.</summary>
internal sealed unsafe class WeightFinder : ITensorCallback
{
    private readonly Dictionary<string, HashSet<nint>> _found = new(StringComparer.Ordinal);
    private Exception? _failure;

    /// <summary>The tensors of each name: tied embeddings may be in memory twice.</summary>
    public IReadOnlyDictionary<string, HashSet<nint>> Found => _found;

    public bool OnTensor(NativeTensor* tensor, bool ask)
    {
        try
        {
            Add(tensor->Source0);
            Add(tensor->Source1);
            Add(tensor->Source2);
        }
        catch (Exception exception)
        {
            _failure = exception;
        }
        return !ask && _failure is null;
    }

    public Exception? TakeFailure()
    {
        Exception? failure = _failure;
        _failure = null;
        return failure;
    }

    // Weights have no source operands. A scheduler's copies, CUDA0#blk.0.attn_k.weight#0, last for one evaluation.
    private void Add(NativeTensor* source)
    {
        if (source is null || source->Operation != 0 || source->ViewSource is not null)
            return;
        string name = Marshal.PtrToStringUTF8((nint)source->Name) ?? "";
        if (name.Length == 0 || name.Contains('#'))
            return;
        if (!_found.TryGetValue(name, out HashSet<nint>? tensors))
            _found.Add(name, tensors = []);
        tensors.Add((nint)source);
    }
}
