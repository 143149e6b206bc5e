using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace GgufQuant.Llama.Quality;

/// <summary>Writes a reference's logits in llama-perplexity's file format (<c>--kl-divergence-base</c>), 2 bytes a token and prediction.</summary>
/// <remarks>The file appears under its name only when it is complete.</remarks>
public sealed class LogitsWriter : IDisposable
{
    private readonly string _path;
    private readonly FileStream _stream;
    private readonly long _rowBytes;
    private readonly long _length;
    private byte[] _rows;
    private bool _complete;

    private LogitsWriter(string path, FileStream stream, long rowBytes, long length, int rows)
    {
        _path = path;
        _stream = stream;
        _rowBytes = rowBytes;
        _length = length;
        _rows = new byte[rowBytes * rows];
    }

    /// <summary>Begins a file for a text's predictions.</summary>
    /// <param name="path">The file; one that exists is replaced at the end.</param>
    /// <param name="corpus">The text.</param>
    /// <param name="vocabularySize">Logits a prediction.</param>
    /// <param name="batchSize">Most predictions between two flushes.</param>
    public static LogitsWriter Create(string path, CorpusChunks corpus, int vocabularySize, int batchSize)
    {
        long rowBytes = LogitsLayout.RowBytes(vocabularySize);
        byte[] header = new byte[LogitsLayout.HeaderBytes + (corpus.Tokens.Length * sizeof(int))];
        LogitsLayout.Magic.CopyTo(header);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(8), corpus.ContextLength);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(12), vocabularySize);
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(16), corpus.Count);
        for (int i = 0; i < corpus.Tokens.Length; i++)
            BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(LogitsLayout.HeaderBytes + (i * sizeof(int))), corpus.Tokens[i]);

        long length = header.Length + (rowBytes * corpus.ScoredPerChunk * corpus.Count);
        FileStream stream = new(path + ".partial", FileMode.Create, FileAccess.Write, FileShare.None, bufferSize: 0);
        try
        {
            stream.Write(header);
        }
        catch
        {
            stream.Dispose();
            File.Delete(stream.Name);
            throw;
        }
        return new(path, stream, rowBytes, length, Math.Min(batchSize, corpus.ScoredPerChunk));
    }

    /// <summary>Gives the file its name. Without it, <see cref="Dispose"/> deletes what was written.</summary>
    public void Complete()
    {
        if (_stream.Position != _length)
            throw new InvalidOperationException($"'{_path}' has {_stream.Position} of {_length} bytes.");
        _stream.Dispose();
        File.Move(_stream.Name, _path, overwrite: true);
        _complete = true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stream.Dispose();
        _rows = [];
        if (!_complete)
            File.Delete(_stream.Name);
    }

    /// <summary>Encodes one prediction of the batch; may be called from several threads for different rows.</summary>
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
    internal void Flush(int rows) => _stream.Write(_rows, 0, checked((int)(rows * _rowBytes)));
}
