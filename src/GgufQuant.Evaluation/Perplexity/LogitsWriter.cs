using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Perplexity;

/// <summary>Writes a reference's logits in llama-perplexity's file format (<c>--kl-divergence-base</c>), 2 bytes per token and prediction.</summary>
/// <remarks>The file is renamed to its final name once it is complete.</remarks>
public sealed class LogitsWriter : IDisposable
{
    private readonly AtomicFile _file;
    private readonly long _rowBytes;
    private readonly long _rowsEnd;
    private readonly byte[] _trailer;
    private readonly byte[] _rows;
    private long _position;

    private LogitsWriter(AtomicFile file, long rowBytes, long position, long rowsEnd, byte[] trailer, int rows)
    {
        _file = file;
        _rowBytes = rowBytes;
        _position = position;
        _rowsEnd = rowsEnd;
        _trailer = trailer;
        _rows = new byte[rowBytes * rows];
    }

    /// <summary>Starts a file for a text's predictions.</summary>
    /// <param name="path">The file; an existing one is replaced at the end.</param>
    /// <param name="corpus">The text.</param>
    /// <param name="vocabularySize">Logits per prediction.</param>
    /// <param name="batchSize">Maximum predictions between two flushes.</param>
    /// <param name="referenceHash">The hash by which <see cref="LogitsFile.ReferenceHash"/> tells whose logits they are: 64 hexadecimal digits.</param>
    /// <exception cref="IOException">The folder is missing, or the disk has no room for the whole file.</exception>
    public static LogitsWriter Create(string path, CorpusChunks corpus, int vocabularySize, int batchSize, string referenceHash)
    {
        ArgumentNullException.ThrowIfNull(referenceHash);
        ArgumentOutOfRangeException.ThrowIfNotEqual(referenceHash.Length, LogitsLayout.HashLength);
        long rowBytes = LogitsLayout.RowBytes(vocabularySize);
        byte[] header = new byte[LogitsLayout.HeaderBytes + (corpus.Tokens.Length * sizeof(int))];
        LogitsLayout.Magic.CopyTo(header);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), corpus.ContextLength);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(12), vocabularySize);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(16), corpus.Count);
        for (int i = 0; i < corpus.Tokens.Length; i++)
            BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(LogitsLayout.HeaderBytes + (i * sizeof(int))), corpus.Tokens[i]);

        long rowsEnd = header.Length + (rowBytes * corpus.ScoredPerChunk * corpus.Count);
        byte[] trailer = [.. LogitsLayout.TrailerMagic, .. Encoding.ASCII.GetBytes(referenceHash)];
        AtomicFile file = AtomicFile.Create(Path.GetFullPath(path), rowsEnd + trailer.Length, overwrite: true, stream => stream.Write(header));
        return new(file, rowBytes, header.Length, rowsEnd, trailer, Math.Min(batchSize, corpus.ScoredPerChunk));
    }

    /// <summary>Renames the file to its final name. Without this call, <see cref="Dispose"/> deletes what was written.</summary>
    public void Complete()
    {
        if (_position != _rowsEnd)
            throw new InvalidOperationException($"Only {_position} of the {_rowsEnd} bytes up to the file's last row have been written.");
        _file.Write(_rowsEnd, _trailer);
        _file.Commit();
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    /// <summary>Encodes one prediction of the batch; thread-safe for different rows.</summary>
    internal void Encode(int row, ReadOnlySpan<float> logits)
    {
        Span<byte> destination = _rows.AsSpan(checked((int)(row * _rowBytes)), (int)_rowBytes);
        float maximum = float.NegativeInfinity;
        float minimum = float.PositiveInfinity;
        foreach (float logit in logits)
        {
            maximum = Math.Max(maximum, logit);
            minimum = Math.Min(minimum, logit);
        }
        minimum = Math.Max(minimum, maximum - LogitsLayout.Range);
        double sum = 0;
        foreach (float logit in logits)
            sum += MathF.Exp(logit - maximum);
        float scale = (maximum - minimum) / LogitsLayout.MaximumCode;
        BinaryPrimitives.WriteSingleLittleEndian(destination, scale);
        BinaryPrimitives.WriteSingleLittleEndian(destination[4..], minimum - maximum - (float)Math.Log(sum));

        Span<ushort> codes = MemoryMarshal.Cast<byte, ushort>(destination[LogitsLayout.RowHeaderBytes..]);
        float inverse = 1 / scale;
        for (int i = 0; i < logits.Length; i++)
        {
            ushort code = scale != 0 && logits[i] > minimum ? (ushort)MathF.Round(inverse * (logits[i] - minimum)) : (ushort)0;
            codes[i] = BitConverter.IsLittleEndian ? code : BinaryPrimitives.ReverseEndianness(code);
        }
    }

    /// <summary>Writes the batch's first rows.</summary>
    internal void Flush(int rows)
    {
        int bytes = checked((int)(rows * _rowBytes));
        _file.Write(_position, _rows.AsSpan(0, bytes));
        _position += bytes;
    }
}
