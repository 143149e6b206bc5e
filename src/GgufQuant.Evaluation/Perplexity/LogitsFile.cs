using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Perplexity;

/// <summary>A reference's logits in llama-perplexity's file format.</summary>
public sealed class LogitsFile : IDisposable
{
    private readonly RandomAccessFile _file;
    private readonly int[] _tokens;

    private LogitsFile(RandomAccessFile file, int contextLength, int vocabularySize, int[] tokens, string? referenceHash)
    {
        _file = file;
        ContextLength = contextLength;
        VocabularySize = vocabularySize;
        _tokens = tokens;
        ReferenceHash = referenceHash;
    }

    /// <summary>The file's path.</summary>
    public string Path => _file.Path;

    /// <summary>Tokens per chunk.</summary>
    public int ContextLength { get; }

    /// <summary>Number of tokens in the reference's vocabulary.</summary>
    public int VocabularySize { get; }

    /// <summary>Number of chunks.</summary>
    public int Chunks => _tokens.Length / ContextLength;

    /// <summary>The hash of the model that made the predictions, 64 hexadecimal digits; null if another program wrote the file.</summary>
    public string? ReferenceHash { get; }

    /// <summary>Bytes per row.</summary>
    internal long RowBytes => LogitsLayout.RowBytes(VocabularySize);

    private int ScoredPerChunk => ContextLength - 1 - (ContextLength / 2);

    /// <summary>Opens a file and checks its header against its length.</summary>
    /// <exception cref="LogitsFormatException">It is not a logits file, or it is truncated.</exception>
    public static LogitsFile Open(string path)
    {
        RandomAccessFile file = new(path);
        try
        {
            Span<byte> header = stackalloc byte[LogitsLayout.HeaderBytes];
            if (file.Read(0, header) < header.Length || !header.StartsWith(LogitsLayout.Magic))
                throw new LogitsFormatException($"'{path}' is not a logits file: it does not begin with '_logits_'.");
            int contextLength = BinaryPrimitives.ReadInt32LittleEndian(header[8..]);
            int vocabularySize = BinaryPrimitives.ReadInt32LittleEndian(header[12..]);
            int chunks = BinaryPrimitives.ReadInt32LittleEndian(header[16..]);
            if (contextLength is < 4 or > 1 << 24 || vocabularySize is < 1 or > 1 << 24 || chunks < 1)
                throw new LogitsFormatException($"The header of '{path}' is damaged: context {contextLength}, vocabulary {vocabularySize}, chunks {chunks}.");
            Int128 tokenBytes = (Int128)contextLength * chunks * sizeof(int);
            Int128 needed = header.Length + tokenBytes
                + ((Int128)chunks * (contextLength - 1 - (contextLength / 2)) * LogitsLayout.RowBytes(vocabularySize));
            if (needed > file.Length || tokenBytes > Array.MaxLength)
                throw new LogitsFormatException($"'{path}' is truncated: its header announces {needed} bytes, but it has {file.Length}.");

            int[] tokens = new int[contextLength * chunks];
            ReadExactly(file, header.Length, MemoryMarshal.AsBytes(tokens.AsSpan()));
            if (!BitConverter.IsLittleEndian)
                BinaryPrimitives.ReverseEndianness(tokens, tokens);
            if (tokens.AsSpan().IndexOfAnyExceptInRange(0, vocabularySize - 1) is var at and >= 0)
                throw new LogitsFormatException($"Token {at} of '{path}' is {tokens[at]}, outside its vocabulary of {vocabularySize}.");
            return new(file, contextLength, vocabularySize, tokens, ReadTrailer(file, (long)needed));
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <summary>Finds the predictions for chunks of a text among its own, with a vocabulary of this size.</summary>
    /// <returns>Its chunk that is the first of them.</returns>
    /// <exception cref="LogitsFormatException">It does not contain them.</exception>
    internal int Find(CorpusChunks corpus, int vocabularySize)
    {
        if (VocabularySize != vocabularySize)
            throw new LogitsFormatException($"'{Path}' contains logits for {VocabularySize} tokens, but the model has {vocabularySize}.");
        if (ContextLength != corpus.ContextLength)
            throw new LogitsFormatException($"'{Path}' contains chunks of {ContextLength} tokens, not {corpus.ContextLength}.");
        // Chunks are evaluated independently, so it does not matter which chunks of the text surround them.
        ReadOnlySpan<int> first = corpus.Tokens[..ContextLength];
        for (int chunk = 0; chunk < Chunks; chunk++)
        {
            ReadOnlySpan<int> stored = _tokens.AsSpan(chunk * ContextLength);
            if (!stored.StartsWith(first))
                continue;
            if (stored.StartsWith(corpus.Tokens))
                return chunk;
            if (corpus.Tokens.StartsWith(stored))
                throw new LogitsFormatException($"'{Path}' contains {Chunks - chunk} of the {corpus.Count} chunks that were requested: request fewer, or name another file.");
        }
        throw new LogitsFormatException($"'{Path}' contains logits of another text, or of other chunks of it.");
    }

    /// <inheritdoc/>
    public void Dispose() => _file.Dispose();

    /// <summary>Decodes a row into log-probabilities.</summary>
    internal static void Decode(ReadOnlySpan<byte> row, Span<float> logProbabilities)
    {
        (float scale, float least) = ReadHeader(row);
        ReadOnlySpan<ushort> codes = MemoryMarshal.Cast<byte, ushort>(row[LogitsLayout.RowHeaderBytes..]);
        for (int i = 0; i < logProbabilities.Length; i++)
        {
            ushort code = BitConverter.IsLittleEndian ? codes[i] : BinaryPrimitives.ReverseEndianness(codes[i]);
            logProbabilities[i] = (scale * code) + least;
        }
    }

    /// <summary>Reads a chunk's rows as stored.</summary>
    /// <exception cref="LogitsFormatException">They are not probabilities.</exception>
    internal void ReadRows(int chunk, int first, Span<byte> destination)
    {
        long row = ((long)chunk * ScoredPerChunk) + first;
        ReadExactly(_file, LogitsLayout.HeaderBytes + ((long)_tokens.Length * sizeof(int)) + (row * RowBytes), destination);
        for (; destination.Length > 0; destination = destination[(int)RowBytes..], row++)
        {
            if (!IsRow(destination))
                throw new LogitsFormatException($"Prediction {row} of '{Path}' is damaged: its numbers are not probabilities.");
        }
    }

    // No probability exceeds 1 except by rounding.
    private static bool IsRow(ReadOnlySpan<byte> row)
    {
        (float scale, float least) = ReadHeader(row);
        return scale >= 0 && float.IsFinite(least) && least + (LogitsLayout.MaximumCode * scale) < 0.01f;
    }

    private static string? ReadTrailer(RandomAccessFile file, long offset)
    {
        Span<byte> trailer = stackalloc byte[LogitsLayout.TrailerBytes];
        if (file.Read(offset, trailer) < trailer.Length || !trailer.StartsWith(LogitsLayout.TrailerMagic))
            return null;
        return Encoding.ASCII.GetString(trailer[LogitsLayout.TrailerMagic.Length..]);
    }

    private static (float Scale, float Least) ReadHeader(ReadOnlySpan<byte> row) =>
        (BinaryPrimitives.ReadSingleLittleEndian(row), BinaryPrimitives.ReadSingleLittleEndian(row[sizeof(float)..]));

    private static void ReadExactly(RandomAccessFile file, long offset, Span<byte> destination)
    {
        int read = file.Read(offset, destination);
        if (read < destination.Length)
            throw new LogitsFormatException($"'{file.Path}' ended at byte {offset + read}.");
    }
}
