using GgufQuant.Gguf;
using GgufQuant.Planning;

namespace GgufQuant.Pipeline;

/// <summary>A piece of a tensor that is read, quantized and written in one step.</summary>
/// <param name="Number">Its index in file order.</param>
/// <param name="Index">The index of its tensor in the plan.</param>
/// <param name="Tensor">Its tensor.</param>
/// <param name="File">The index of the file its tensor is written to.</param>
/// <param name="Slot">The index of its tensor in that file.</param>
/// <param name="FirstWeight">The index of its first weight in the tensor.</param>
/// <param name="RowLength">Weights per row in the piece, or per part of a row if rows are cut.</param>
/// <param name="Rows">Rows in the piece.</param>
/// <param name="Importance">One factor per column, or empty.</param>
/// <param name="Matrix">The number of the matrix that its rows are of, where the tensor's matrices differ in importance or moments.</param>
internal sealed record Chunk(
    long Number, int Index, PlannedTensor Tensor, int File, GgufTensor Slot, long FirstWeight, int RowLength, int Rows, ReadOnlyMemory<float> Importance, int Matrix)
{
    internal int Weights => RowLength * Rows;

    internal int SourceBytes => (int)Tensor.Source.Format.ByteCount(Weights);

    internal int TargetBytes => (int)Tensor.Format.ByteCount(Weights);

    internal long SourceOffset => Tensor.Source.Format.ByteCount(FirstWeight);

    internal long TargetOffset => Slot.FileOffset + Tensor.Format.ByteCount(FirstWeight);
}

/// <summary>Cuts a plan's tensors into chunks, in file order.</summary>
internal static class Chunks
{
    // A multiple of every format's block, so that rows can be cut at any multiple of it.
    private const int BlockMultiple = 256;

    /// <param name="plan">The plan.</param>
    /// <param name="weights">Weights per chunk.</param>
    /// <param name="skipped">Indices in the plan of the tensors to leave out.</param>
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
        if (tensor.Importance is null && tensor.Moments is null && tensor.Source.RowLength > weights)
            return OfLongRows(tensor, slot, weights);
        return OfMatrices(tensor, slot, weights, tensor.Importance?.ReadMeans());
    }

    // Each matrix may have its own importance, and its own moments.
    private static IEnumerable<Chunk> OfMatrices(PlannedTensor tensor, GgufTensor slot, int weights, ReadOnlyMemory<float> importance)
    {
        int columns = (int)tensor.Source.RowLength;
        int weighed = importance.Length / columns;
        int matrices = Math.Max(1, Math.Max(weighed, tensor.Moments?.Matrices.Count ?? 0));
        long rows = tensor.Source.RowCount / matrices;
        for (int matrix = 0; matrix < matrices; matrix++)
        {
            ReadOnlyMemory<float> own = weighed == 0 ? default : importance.Slice(matrix * weighed / matrices * columns, columns);
            foreach (Chunk chunk in OfRows(tensor, slot, weights, matrix, rows, own))
                yield return chunk;
        }
    }

    private static IEnumerable<Chunk> OfRows(
        PlannedTensor tensor, GgufTensor slot, int weights, int matrix, long rowCount, ReadOnlyMemory<float> importance)
    {
        long firstRow = matrix * rowCount;
        long rowLength = tensor.Source.RowLength;
        int step = (int)Math.Max(1, weights / Math.Max(1, rowLength));
        for (long row = 0; row < rowCount; row += step)
            yield return new Chunk(0, 0, tensor, 0, slot, (firstRow + row) * rowLength, (int)rowLength, (int)Math.Min(step, rowCount - row), importance, matrix);
    }

    private static IEnumerable<Chunk> OfLongRows(PlannedTensor tensor, GgufTensor slot, int weights)
    {
        long rowLength = tensor.Source.RowLength;
        long piece = Math.Max(BlockMultiple, weights / BlockMultiple * BlockMultiple);
        for (long row = 0; row < tensor.Source.RowCount; row++)
        {
            for (long column = 0; column < rowLength; column += piece)
                yield return new Chunk(0, 0, tensor, 0, slot, (row * rowLength) + column, (int)Math.Min(piece, rowLength - column), 1, default, 0);
        }
    }
}
