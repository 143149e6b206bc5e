using GgufQuant.Evaluation.Engines;
using GgufQuant.Imatrix;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Perplexity;

/// <summary>A text's tokens, cut into chunks of one context each, as in llama-perplexity.</summary>
public sealed class CorpusChunks
{
    private readonly int[] _tokens;
    private readonly int _beginning;

    private CorpusChunks(int[] tokens, int contextLength, ChunkRange range, int beginning)
    {
        _tokens = tokens;
        ContextLength = contextLength;
        Range = range;
        _beginning = beginning;
    }

    /// <summary>Tokens per chunk.</summary>
    public int ContextLength { get; }

    /// <summary>Number of chunks.</summary>
    public int Count => Range.Count;

    /// <summary>Which of the text's chunks these are.</summary>
    public ChunkRange Range { get; }

    /// <summary>The first token whose prediction is scored, because earlier ones lack context: half of the chunk.</summary>
    public int FirstScored => ContextLength / 2;

    /// <summary>Predictions scored per chunk: those of the second half except the last, whose next token is in the next chunk.</summary>
    public int ScoredPerChunk => ContextLength - 1 - FirstScored;

    /// <summary>The tokens of all chunks, as in the text.</summary>
    internal ReadOnlySpan<int> Tokens => _tokens;

    /// <summary>The default context length: 512, llama-perplexity's default, or the model's trained length if that is less.</summary>
    public static int DefaultContextLength(ILanguageModel model) =>
        model.TrainedContextLength > 0 ? Math.Min(512, model.TrainedContextLength) : 512;

    /// <summary>Reads a text file as <see cref="InputText"/>, without its last line feed as in llama.cpp's tools.</summary>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static string ReadText(string path)
    {
        string text = InputText.Read(path).Text;
        return text.EndsWith('\n') ? text[..^1] : text;
    }

    /// <summary>Tokenizes a text and cuts it.</summary>
    /// <param name="model">The model whose tokenizer is used.</param>
    /// <param name="text">The text.</param>
    /// <param name="contextLength">Tokens per chunk, at least 4.</param>
    /// <param name="limit">Maximum number of chunks; null for all.</param>
    /// <param name="skip">Chunks skipped at the start.</param>
    /// <param name="parseSpecial">Whether special tokens written in the text are parsed as such.</param>
    /// <exception cref="CorpusTooShortException">The text has fewer tokens than two chunks, or none after those skipped.</exception>
    public static CorpusChunks Create(ILanguageModel model, string text, int contextLength, int? limit = null, int skip = 0, bool parseSpecial = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(contextLength, 4);
        ArgumentOutOfRangeException.ThrowIfLessThan(limit ?? 1, 1, nameof(limit));
        ArgumentOutOfRangeException.ThrowIfNegative(skip);
        Vocabulary vocabulary = model.Vocabulary;
        if (vocabulary.AddsEndOfSequence)
            throw new InferenceException($"The tokenizer of '{model.Path}' appends an end token to each text, for which perplexity is not defined.");
        int[] tokens = model.Tokenize(text, addSpecial: true, parseSpecial);
        long required = Math.Max(2L, 1L + skip) * contextLength;
        if (tokens.Length < required)
            throw new CorpusTooShortException(tokens.Length, (int)Math.Min(required, int.MaxValue), contextLength);
        int total = tokens.Length / contextLength;
        ChunkRange range = new(skip, Math.Min(limit ?? int.MaxValue, total - skip), total);
        return new(tokens[(range.First * contextLength)..(range.End * contextLength)], contextLength, range, BeginningOf(vocabulary));
    }

    /// <summary>Its first chunk alone.</summary>
    internal CorpusChunks First() => new(_tokens[..ContextLength], ContextLength, Range with { Count = 1 }, _beginning);

    /// <summary>The token that follows a position.</summary>
    internal int Target(int chunk, int position) => _tokens[(chunk * ContextLength) + position + 1];

    /// <summary>The chunk's tokens as evaluated: the beginning-of-sequence token replaces the first one if the tokenizer adds it.</summary>
    internal int[] Evaluated(int chunk)
    {
        int[] tokens = _tokens.AsSpan(chunk * ContextLength, ContextLength).ToArray();
        if (_beginning >= 0)
            tokens[0] = _beginning;
        return tokens;
    }

    /// <summary>The batches a chunk is evaluated in.</summary>
    internal IEnumerable<ChunkBatch> Batches(int batchSize) => ChunkBatch.Cut(ContextLength, batchSize, FirstScored, ScoredPerChunk);

    /// <summary>Progress when a chunk is finished.</summary>
    /// <param name="chunk">The chunk.</param>
    /// <param name="perplexity">Perplexity over the chunks finished so far.</param>
    /// <param name="start">When the first chunk began.</param>
    internal WorkProgress Progress(int chunk, double perplexity, long start) => WorkProgress.Of(
        $"Chunk {chunk + 1} of {Count}, perplexity {perplexity:0.00}", chunk + 1, Count, start);

    private static int BeginningOf(Vocabulary vocabulary) =>
        vocabulary.AddsBeginningOfSequence ? vocabulary.BeginningOfSequence : -1;
}

/// <summary>Tokens evaluated at once.</summary>
/// <param name="Start">Position of the first token in the chunk.</param>
/// <param name="Length">Number of tokens.</param>
/// <param name="FirstScored">Index in the batch of the first token whose prediction is scored.</param>
/// <param name="Scored">Number of predictions scored.</param>
internal readonly record struct ChunkBatch(int Start, int Length, int FirstScored, int Scored)
{
    /// <summary>Cuts a chunk into batches.</summary>
    /// <param name="length">Tokens in the chunk.</param>
    /// <param name="batchSize">Tokens per batch.</param>
    /// <param name="firstScored">The first token whose prediction is scored.</param>
    /// <param name="scored">Predictions scored, in a row.</param>
    internal static IEnumerable<ChunkBatch> Cut(int length, int batchSize, int firstScored, int scored)
    {
        for (int start = 0; start < length; start += batchSize)
        {
            int count = Math.Min(batchSize, length - start);
            int first = Math.Clamp(firstScored - start, 0, count);
            int end = Math.Clamp(firstScored + scored - start, first, count);
            yield return new(start, count, first, end - first);
        }
    }
}
