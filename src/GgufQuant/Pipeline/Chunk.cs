namespace GgufQuant.Pipeline;

/// <summary>A piece of a tensor that is read once, and of which all that is made is written in one step.</summary>
/// <param name="Number">Its index in the order of reading.</param>
/// <param name="Work">Its tensor, and what is made of it.</param>
/// <param name="FirstWeight">The index of its first weight in the tensor.</param>
/// <param name="RowLength">Weights per row in the piece, or per part of a row if rows are cut.</param>
/// <param name="Rows">Rows in the piece.</param>
/// <param name="Matrix">The number of the matrix that its rows are of, where the tensor's matrices differ in importance or moments.</param>
/// <param name="Matrices">How many such matrices there are.</param>
internal sealed record Chunk(long Number, TensorWork Work, long FirstWeight, int RowLength, int Rows, int Matrix, int Matrices)
{
    internal int Weights => RowLength * Rows;

    internal int SourceBytes => (int)Work.Source.Format.ByteCount(Weights);

    internal long SourceOffset => Work.Source.Format.ByteCount(FirstWeight);

    internal int BytesOf(Conversion conversion) => (int)conversion.Tensor.Format.ByteCount(Weights);

    internal long OffsetOf(Conversion conversion) => conversion.Tensor.Format.ByteCount(FirstWeight);

    internal ReadOnlyMemory<float> ImportanceOf(Conversion conversion) => conversion.ImportanceOf(Matrix, Matrices);
}

/// <summary>Cuts tensors into chunks.</summary>
internal static class Chunks
{
    // A multiple of every format's block, so that rows can be cut at any multiple of it.
    private const int BlockMultiple = 256;

    /// <param name="tensors">The tensors.</param>
    /// <param name="weights">Weights per chunk; a whole row at least of tensors with importance or moments.</param>
    internal static IEnumerable<Chunk> Of(IEnumerable<TensorWork> tensors, int weights)
    {
        long number = 0;
        foreach (TensorWork work in tensors)
        {
            foreach (Chunk chunk in work.Source.RowLength > weights ? OfLongRows(work, weights) : OfMatrices(work, weights))
                yield return chunk with { Number = number++ };
        }
    }

    // Each matrix may have its own importance, and its own moments.
    private static IEnumerable<Chunk> OfMatrices(TensorWork work, int weights)
    {
        int matrices = work.Conversions.Max(conversion => conversion.Matrices);
        long rows = work.Source.RowCount / matrices;
        long rowLength = work.Source.RowLength;
        int step = (int)Math.Max(1, weights / Math.Max(1, rowLength));
        for (int matrix = 0; matrix < matrices; matrix++)
        {
            for (long row = 0; row < rows; row += step)
                yield return new Chunk(0, work, ((matrix * rows) + row) * rowLength, (int)rowLength, (int)Math.Min(step, rows - row), matrix, matrices);
        }
    }

    private static IEnumerable<Chunk> OfLongRows(TensorWork work, int weights)
    {
        long rowLength = work.Source.RowLength;
        long piece = Math.Max(BlockMultiple, weights / BlockMultiple * BlockMultiple);
        for (long row = 0; row < work.Source.RowCount; row++)
        {
            for (long column = 0; column < rowLength; column += piece)
                yield return new Chunk(0, work, (row * rowLength) + column, (int)Math.Min(piece, rowLength - column), 1, 0, 1);
        }
    }
}
