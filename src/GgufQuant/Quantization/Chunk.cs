using GgufQuant.Gguf;
using GgufQuant.Planning;

namespace GgufQuant.Quantization;

/// <summary>A piece of a tensor that is read, quantized and written at one go.</summary>
/// <param name="Number">Its place in the order of the file, from 0.</param>
/// <param name="Tensor">The tensor it is of.</param>
/// <param name="Place">Where the tensor is written to.</param>
/// <param name="FirstWeight">The first of its weights in the tensor.</param>
/// <param name="RowLength">Weights a row, or where rows are cut, in the piece.</param>
/// <param name="Rows">Rows in the piece.</param>
/// <param name="Importance">One factor a column, or empty.</param>
internal sealed record Chunk(
    long Number, PlannedTensor Tensor, GgufTensor Place, long FirstWeight, int RowLength, int Rows, ReadOnlyMemory<float> Importance)
{
    internal int Weights => RowLength * Rows;

    internal int SourceBytes => (int)Tensor.Source.Format.ByteCount(Weights);

    internal int TargetBytes => (int)Tensor.Format.ByteCount(Weights);

    internal long SourceOffset => Tensor.Source.Format.ByteCount(FirstWeight);

    internal long TargetOffset => Place.FileOffset + Tensor.Format.ByteCount(FirstWeight);
}

/// <summary>Cuts a plan's tensors into chunks, in the order of the file.</summary>
internal static class Chunks
{
    // A multiple of every format's block, so that a row can be cut anywhere at it.
    private const int BlockMultiple = 256;

    /// <param name="plan">The plan.</param>
    /// <param name="weights">Weights a chunk should hold.</param>
    internal static IEnumerable<Chunk> Of(QuantizationPlan plan, int weights)
    {
        long number = 0;
        for (int i = 0; i < plan.Tensors.Count; i++)
        {
            foreach (Chunk chunk in Of(plan.Tensors[i], plan.Layout.Tensors[i], weights))
                yield return chunk with { Number = number++ };
        }
    }

    private static IEnumerable<Chunk> Of(PlannedTensor tensor, GgufTensor place, int weights)
    {
        long rowLength = tensor.Source.RowLength;
        if (rowLength > weights)
        {
            long piece = Math.Max(BlockMultiple, weights / BlockMultiple * BlockMultiple);
            for (long row = 0; row < tensor.Source.RowCount; row++)
            {
                for (long column = 0; column < rowLength; column += piece)
                    yield return new Chunk(0, tensor, place, (row * rowLength) + column, (int)Math.Min(piece, rowLength - column), 1, default);
            }
            yield break;
        }

        int rows = (int)(weights / Math.Max(1, rowLength));
        for (long row = 0; row < tensor.Source.RowCount; row += rows)
            yield return new Chunk(0, tensor, place, row * rowLength, (int)rowLength, (int)Math.Min(rows, tensor.Source.RowCount - row), default);
    }
}
