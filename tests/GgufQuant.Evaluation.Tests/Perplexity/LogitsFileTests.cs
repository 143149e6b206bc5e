using System.Buffers.Binary;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Perplexity;

namespace GgufQuant.Evaluation.Tests.Quality;

public sealed class LogitsFileTests
{
    private static readonly string s_hash = new('a', 64);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public void Log_probabilities_keep_sixteen_bits()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("logits.bin");
        using ILanguageModel model = SampleEngine.Load();
        using IEvaluationContext context = model.CreateContext(new() { Threads = 1, ContextLength = 64, BatchSize = 48 });
        CorpusChunks corpus = CorpusChunks.Create(model, Sample.HeldOut, 64, limit: 2);
        using (LogitsWriter writer = LogitsWriter.Create(path, corpus, model.Vocabulary.Count, context.BatchSize, s_hash))
        {
            PerplexityMeter.Measure(context, corpus, 2, writer, cancellationToken: Token);
            writer.Complete();
        }

        using LogitsFile file = LogitsFile.Open(path);
        context.Reset();
        context.Evaluate(corpus.Evaluated(0).AsSpan(0, 48), 0, 0, Token);
        TokenDistribution exact = TokenDistribution.FromLogits(context.Logits(40));
        byte[] row = new byte[file.RowBytes];
        float[] stored = new float[2048];
        file.ReadRows(0, 40 - 32, row);
        LogitsFile.Decode(row, stored);

        Assert.Equal((64, 2048, 2), (file.ContextLength, file.VocabularySize, file.Chunks));
        Assert.Equal(s_hash, file.ReferenceHash);
        Assert.Equal(20 + (2 * 64 * 4) + (2 * 31 * ((2048 * 2) + 8)) + 8 + 64, new FileInfo(path).Length);
        Assert.Equal(exact.Top, TokenDistribution.FromLogProbabilities(stored).Top);
        for (int token = 0; token < stored.Length; token++)
            Assert.Equal(Math.Max(exact.LogProbability(token), exact.LogProbability(exact.Top) - 16), stored[token], 16 / 65535.0);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(0, 63)]
    [InlineData(1, 1)]
    [InlineData(1, 63)]
    public void A_text_that_differs_in_any_chunk_is_another(int chunk, int token)
    {
        using TemporaryFolder folder = new();
        string path = folder.File("logits.bin");
        using ILanguageModel model = SampleEngine.Load();
        CorpusChunks corpus = CorpusChunks.Create(model, Sample.HeldOut, 64, limit: 2);
        byte[] bytes = new byte[20 + (2 * 64 * 4) + (2 * 31 * ((2048 * 2) + 8))];
        "_logits_"u8.CopyTo(bytes);
        foreach ((int i, int value) in new[] { 64, 2048, 2 }.Index())
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8 + (4 * i)), value);
        foreach ((int i, int value) in corpus.Tokens.ToArray().Index())
            BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(20 + (4 * i)), value);
        File.WriteAllBytes(path, bytes);
        using (LogitsFile same = LogitsFile.Open(path))
            Assert.Equal(0, same.Find(corpus, 2048));

        int position = (chunk * 64) + token;
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(20 + (4 * position)), (corpus.Tokens[position] + 1) % 2048);
        File.WriteAllBytes(path, bytes);
        using LogitsFile other = LogitsFile.Open(path);
        Assert.Contains("another text", Assert.Throws<LogitsFormatException>(() => other.Find(corpus, 2048)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(float.NaN, -1)]
    [InlineData(-1e-4f, -1)]
    [InlineData(1e-4f, float.NaN)]
    [InlineData(1e-4f, float.NegativeInfinity)]
    [InlineData(1e-4f, 0)]
    public void Damaged_predictions_are_rejected(float scale, float least)
    {
        using TemporaryFolder folder = new();
        string path = folder.File("logits.bin");
        byte[] bytes = OneChunk();
        BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(36), scale);
        BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(40), least);
        File.WriteAllBytes(path, bytes);
        using LogitsFile file = LogitsFile.Open(path);

        LogitsFormatException exception = Assert.Throws<LogitsFormatException>(() => file.ReadRows(0, 0, new byte[file.RowBytes]));

        Assert.Contains("Prediction 0 of", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_unfinished_file_leaves_nothing()
    {
        using TemporaryFolder folder = new();
        string path = folder.File("logits.bin");
        using ILanguageModel model = SampleEngine.Load();
        CorpusChunks corpus = CorpusChunks.Create(model, Sample.HeldOut, 64, limit: 2);

        LogitsWriter.Create(path, corpus, model.Vocabulary.Count, 64, s_hash).Dispose();

        Assert.Empty(Directory.GetFiles(Path.GetDirectoryName(path)!));
    }

    [Theory]
    [InlineData(0, 0, "does not begin")]
    [InlineData(8, -1, "damaged")]
    [InlineData(8, 1 << 20, "truncated")]
    [InlineData(12, int.MaxValue, "damaged")]
    [InlineData(16, int.MaxValue, "truncated")]
    [InlineData(20, 999, "outside its vocabulary")]
    public void Damaged_files_are_rejected(int offset, int value, string message)
    {
        using TemporaryFolder folder = new();
        string path = folder.File("logits.bin");
        byte[] bytes = OneChunk();
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(offset), value);
        File.WriteAllBytes(path, bytes);

        LogitsFormatException exception = Assert.Throws<LogitsFormatException>(() => LogitsFile.Open(path));

        Assert.Contains(message, exception.Message, StringComparison.Ordinal);
    }

    // Four tokens of a vocabulary of three, and one prediction.
    private static byte[] OneChunk()
    {
        byte[] bytes = new byte[20 + (4 * 4) + 16];
        "_logits_"u8.CopyTo(bytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), 4);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(12), 3);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(16), 1);
        return bytes;
    }
}
