using GgufQuant.Gguf;
using GgufQuant.Planning;

namespace GgufQuant.Pipeline;

/// <summary>A piece of a tensor that is read, quantized and written at one go.</summary>
/// <param name="Number">Its place in the order of the file, from 0.</param>
/// <param name="Index">The place in the plan of the tensor it is of, from 0.</param>
/// <param name="Tensor">The tensor it is of.</param>
/// <param name="File">The file the tensor is written to, from 0.</param>
/// <param name="Slot">Where in the file it is written to.</param>
/// <param name="FirstWeight">The first of its weights in the tensor.</param>
/// <param name="RowLength">Weights per row, or where rows are cut, in the piece.</param>
/// <param name="Rows">Rows in the piece.</param>
/// <param name="Importance">One factor per column, or empty.</param>
internal sealed record Chunk(
    long Number, int Index, PlannedTensor Tensor, int File, GgufTensor Slot, long FirstWeight, int RowLength, int Rows, ReadOnlyMemory<float> Importance)
{
    internal int Weights => RowLength * Rows;

    internal int SourceBytes => (int)Tensor.Source.Format.ByteCount(Weights);

    internal int TargetBytes => (int)Tensor.Format.ByteCount(Weights);

    internal long SourceOffset => Tensor.Source.Format.ByteCount(FirstWeight);

    internal long TargetOffset => Slot.FileOffset + Tensor.Format.ByteCount(FirstWeight);
}

/// <summary>Cuts a plan's tensors into chunks, in the order of the file.</summary>
internal static class Chunks
{
    // A multiple of every format's block, so that a row can be cut anywhere at it.
    private const int BlockMultiple = 256;

    /// <param name="plan">The plan.</param>
    /// <param name="weights">Weights per chunk.</param>
    /// <param name="skipped">Places in the plan of the tensors to be left out.</param>
    internal static IEnumerable<Chunk> Of(QuantizationPlan plan, int weights, IReadOnlySet<int> skipped)
    {
        long number = 0;
        for (int i = 0; i < plan.Tensors.Count; i++)
        {
            if (skipped.Contains(i))
                continue;
            (int file, GgufTensor slot) = plan.Layout.Slots[i];
            foreach (Chunk chunk in Of(plan.Tensors[i], slot, weights))
                yield return chunk with { Number = number++, Index = i, File = file };
        }
    }

    private static IEnumerable<Chunk> Of(PlannedTensor tensor, GgufTensor slot, int weights)
    {
        if (tensor.Importance is { } importance)
            return OfMatrices(tensor, slot, weights, importance.ReadMeans());
        return tensor.Moments is null && tensor.Source.RowLength > weights ? OfLongRows(tensor, slot, weights) : OfRows(tensor, slot, weights, 0, tensor.Source.RowCount, default);
    }

    // Each matrix has factors of its own.
    private static IEnumerable<Chunk> OfMatrices(PlannedTensor tensor, GgufTensor slot, int weights, ReadOnlyMemory<float> importance)
    {
        int columns = (int)tensor.Source.RowLength;
        int matrices = importance.Length / columns;
        long rows = tensor.Source.RowCount / matrices;
        for (int matrix = 0; matrix < matrices; matrix++)
        {
            foreach (Chunk chunk in OfRows(tensor, slot, weights, matrix * rows, rows, importance.Slice(matrix * columns, columns)))
                yield return chunk;
        }
    }

    private static IEnumerable<Chunk> OfRows(
        PlannedTensor tensor, GgufTensor slot, int weights, long firstRow, long rowCount, ReadOnlyMemory<float> importance)
    {
        long rowLength = tensor.Source.RowLength;
        int step = (int)Math.Max(1, weights / Math.Max(1, rowLength));
        for (long row = 0; row < rowCount; row += step)
            yield return new Chunk(0, 0, tensor, 0, slot, (firstRow + row) * rowLength, (int)rowLength, (int)Math.Min(step, rowCount - row), importance);
    }

    private static IEnumerable<Chunk> OfLongRows(PlannedTensor tensor, GgufTensor slot, int weights)
    {
        long rowLength = tensor.Source.RowLength;
        long piece = Math.Max(BlockMultiple, weights / BlockMultiple * BlockMultiple);
        for (long row = 0; row < tensor.Source.RowCount; row++)
        {
            for (long column = 0; column < rowLength; column += piece)
                yield return new Chunk(0, 0, tensor, 0, slot, (row * rowLength) + column, (int)Math.Min(piece, rowLength - column), 1, default);
        }
    }
}
