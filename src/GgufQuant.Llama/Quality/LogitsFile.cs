using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace GgufQuant.Llama.Quality;

/// <summary>A reference's logits in llama-perplexity's file format.</summary>
public sealed class LogitsFile : IDisposable
{
    private readonly SafeFileHandle _handle;
    private readonly int[] _tokens;

    private LogitsFile(string path, SafeFileHandle handle, int contextLength, int vocabularySize, int[] tokens)
    {
        Path = path;
        _handle = handle;
        ContextLength = contextLength;
        VocabularySize = vocabularySize;
        _tokens = tokens;
    }

    /// <summary>The file.</summary>
    public string Path { get; }

    /// <summary>Tokens of a chunk.</summary>
    public int ContextLength { get; }

    /// <summary>Tokens of the reference's vocabulary.</summary>
    public int VocabularySize { get; }

    /// <summary>Number of chunks.</summary>
    public int Chunks => _tokens.Length / ContextLength;

    /// <summary>Bytes of a row.</summary>
    internal long RowBytes => LogitsLayout.RowBytes(VocabularySize);

    private int ScoredPerChunk => ContextLength - 1 - (ContextLength / 2);

    /// <summary>Opens a file and checks its header against its length.</summary>
    /// <exception cref="LogitsFormatException">It is not such a file, or it is cut short.</exception>
    public static LogitsFile Open(string path)
    {
        SafeFileHandle handle = File.OpenHandle(path);
        try
        {
            long length = RandomAccess.GetLength(handle);
            Span<byte> header = stackalloc byte[LogitsLayout.HeaderBytes];
            if (length < header.Length || RandomAccess.Read(handle, header, 0) < header.Length || !header.StartsWith(LogitsLayout.Magic))
                throw new LogitsFormatException($"'{path}' is not a file of logits: it does not begin with '_logits_'.");
            int contextLength = BinaryPrimitives.ReadInt32LittleEndian(header[8..]);
            int vocabularySize = BinaryPrimitives.ReadInt32LittleEndian(header[12..]);
            int chunks = BinaryPrimitives.ReadInt32LittleEndian(header[16..]);
            if (contextLength is < 4 or > 1 << 24 || vocabularySize is < 1 or > 1 << 24 || chunks < 1)
                throw new LogitsFormatException($"The header of '{path}' is damaged: context {contextLength}, vocabulary {vocabularySize}, chunks {chunks}.");
            Int128 tokenBytes = (Int128)contextLength * chunks * sizeof(int);
            Int128 needed = header.Length + tokenBytes
                + ((Int128)chunks * (contextLength - 1 - (contextLength / 2)) * LogitsLayout.RowBytes(vocabularySize));
            if (needed > length || tokenBytes > Array.MaxLength)
                throw new LogitsFormatException($"'{path}' is cut short: its header announces {needed} bytes, it has {length}.");

            int[] tokens = new int[contextLength * chunks];
            ReadExactly(handle, path, MemoryMarshal.AsBytes(tokens.AsSpan()), header.Length);
            if (!BitConverter.IsLittleEndian)
                BinaryPrimitives.ReverseEndianness(tokens, tokens);
            if (tokens.AsSpan().IndexOfAnyExceptInRange(0, vocabularySize - 1) is var at and >= 0)
                throw new LogitsFormatException($"Token {at} of '{path}' is {tokens[at]}, outside of its vocabulary of {vocabularySize}.");
            return new(path, handle, contextLength, vocabularySize, tokens);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Whether the logits belong to these chunks of text.</summary>
    internal bool IsOf(CorpusChunks corpus) => ContextLength == corpus.ContextLength && corpus.Tokens.SequenceEqual(_tokens);

    /// <summary>The chunks of text the logits belong to.</summary>
    internal CorpusChunks Corpus(ILanguageModel model) => CorpusChunks.FromTokens(model, _tokens, ContextLength);

    /// <inheritdoc/>
    public void Dispose() => _handle.Dispose();

    /// <summary>Decodes a row into natural logarithms of probabilities.</summary>
    internal static void Decode(ReadOnlySpan<byte> row, Span<float> logProbabilities)
    {
        float scale = BinaryPrimitives.ReadSingleLittleEndian(row);
        float least = BinaryPrimitives.ReadSingleLittleEndian(row[4..]);
        ReadOnlySpan<ushort> codes = MemoryMarshal.Cast<byte, ushort>(row[LogitsLayout.RowHeaderBytes..]);
        for (int i = 0; i < logProbabilities.Length; i++)
        {
            ushort code = BitConverter.IsLittleEndian ? codes[i] : BinaryPrimitives.ReverseEndianness(codes[i]);
            logProbabilities[i] = (scale * code) + least;
        }
    }

    /// <summary>Reads a chunk's rows as they are in the file.</summary>
    internal void ReadRows(int chunk, int first, Span<byte> destination)
    {
        long row = ((long)chunk * ScoredPerChunk) + first;
        ReadExactly(_handle, Path, destination, LogitsLayout.HeaderBytes + ((long)_tokens.Length * sizeof(int)) + (row * RowBytes));
    }

    private static void ReadExactly(SafeFileHandle handle, string path, Span<byte> destination, long offset)
    {
        while (destination.Length > 0)
        {
            int read = RandomAccess.Read(handle, destination, offset);
            if (read == 0)
                throw new LogitsFormatException($"'{path}' ended at byte {offset}.");
            destination = destination[read..];
            offset += read;
        }
    }
}
