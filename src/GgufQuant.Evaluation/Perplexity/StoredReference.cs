namespace GgufQuant.Evaluation.Perplexity;

/// <summary>The reference's predictions from a logits file.</summary>
/// <param name="file">The file.</param>
/// <param name="firstChunk">The file's chunk that is the first of those evaluated.</param>
internal sealed class StoredReference(LogitsFile file, int firstChunk) : IReferenceSource
{
    private byte[] _rows = [];

    public void Advance(int chunk, int[] tokens, ChunkBatch batch, CancellationToken cancellationToken)
    {
        int bytes = checked((int)(batch.Scored * file.RowBytes));
        if (_rows.Length < bytes)
            _rows = new byte[bytes];
        int first = batch.Start + batch.FirstScored - (file.ContextLength / 2);
        file.ReadRows(firstChunk + chunk, first, _rows.AsSpan(0, bytes));
    }

    public TokenDistribution Row(int row, ref float[] scratch)
    {
        if (scratch.Length < file.VocabularySize)
            scratch = new float[file.VocabularySize];
        Span<float> logProbabilities = scratch.AsSpan(0, file.VocabularySize);
        LogitsFile.Decode(_rows.AsSpan((int)(row * file.RowBytes), (int)file.RowBytes), logProbabilities);
        return TokenDistribution.FromLogProbabilities(logProbabilities);
    }
}
