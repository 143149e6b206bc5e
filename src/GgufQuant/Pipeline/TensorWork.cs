using GgufQuant.Calibration;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Imatrix;
using GgufQuant.Planning;

namespace GgufQuant.Pipeline;

/// <summary>A tensor of the source with all that a pass makes of it.</summary>
/// <param name="Source">The tensor in the source.</param>
/// <param name="Conversions">What is made of it.</param>
internal sealed record TensorWork(GgufTensor Source, IReadOnlyList<Conversion> Conversions)
{
    /// <summary>The tensors that some outputs need, in the order of the first that needs them.</summary>
    internal static IEnumerable<TensorWork> Of(IReadOnlyList<OutputFiles> outputs)
    {
        // One output's tensors may be a part of another's, if only some shards are written.
        Dictionary<GgufTensor, List<TensorSlot>> slots = [];
        List<GgufTensor> order = [];
        foreach (TensorSlot slot in outputs.SelectMany(output => output.Unfinished))
        {
            GgufTensor source = slot.Tensor.Source;
            if (!slots.TryGetValue(source, out List<TensorSlot>? same))
            {
                slots.Add(source, same = []);
                order.Add(source);
            }
            same.Add(slot);
        }
        return order.Select(source => new TensorWork(source, [.. Conversion.Of(slots[source])]));
    }
}

/// <summary>What is made of a tensor once, for all the files that hold the same bytes of it.</summary>
/// <param name="Tensor">The tensor as planned for the first of them.</param>
/// <param name="Earlier">The tensor in an earlier file that has the bytes; null to make them.</param>
/// <param name="Importance">One factor per column of each matrix, or of all, or empty.</param>
/// <param name="Slots">Where the bytes are written.</param>
internal sealed record Conversion(PlannedTensor Tensor, GgufTensor? Earlier, ReadOnlyMemory<float> Importance, IReadOnlyList<TensorSlot> Slots)
{
    /// <summary>Matrices of the tensor that differ in importance or moments; 1 if none do.</summary>
    internal int Matrices => Math.Max(1, Math.Max(WeighedMatrices, Tensor.Moments?.Matrices.Count ?? 0));

    private int Columns => (int)Tensor.Source.RowLength;

    private int WeighedMatrices => Importance.Length / Columns;

    internal static IEnumerable<Conversion> Of(IEnumerable<TensorSlot> slots)
    {
        Dictionary<ImatrixEntry, float[]> means = [];
        foreach (IGrouping<(GgmlType, ImatrixEntry?, InputMoments?, GgufTensor?), TensorSlot> same in slots.GroupBy(
            slot => (slot.Tensor.Target, slot.Tensor.Importance, slot.Tensor.Moments, slot.Output.Reused.GetValueOrDefault(slot.Index))))
        {
            TensorSlot first = same.First();
            float[] importance = [];
            if (first.Tensor.Importance is { } entry && !means.TryGetValue(entry, out importance!))
                means.Add(entry, importance = entry.ReadMeans());
            yield return new Conversion(first.Tensor, same.Key.Item4, importance, [.. same]);
        }
    }

    /// <summary>The importance of one of a number of matrices' columns, or empty.</summary>
    internal ReadOnlyMemory<float> ImportanceOf(int matrix, int matrices) =>
        Importance.IsEmpty ? default : Importance.Slice((int)((long)matrix * WeighedMatrices / matrices) * Columns, Columns);
}

/// <summary>A tensor's place in an output.</summary>
/// <param name="Output">The output.</param>
/// <param name="Index">The tensor's index in the plan.</param>
internal sealed record TensorSlot(OutputFiles Output, int Index)
{
    /// <summary>The tensor.</summary>
    internal PlannedTensor Tensor => Output.Plan.Tensors[Index];
}
