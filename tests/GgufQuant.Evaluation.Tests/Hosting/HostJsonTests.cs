using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Generation;
using GgufQuant.Evaluation.Hosting;
using GgufQuant.Evaluation.Hosting.Operations;
using GgufQuant.Evaluation.Imatrix;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Tests.Hosting;

public sealed class HostJsonTests
{
    [Fact]
    public void Results_cross_without_loss()
    {
        KlDivergenceResult divergence = new()
        {
            Perplexity = new(Math.PI, 1e-300),
            ReferencePerplexity = new(double.NaN, double.PositiveInfinity),
            LogPerplexityRatio = new(-0.1, double.NegativeInfinity),
            PerplexityDifference = new(0.1 + 0.2, double.Epsilon),
            Correlation = 1.0 / 3,
            KlDivergence = new(double.MaxValue, 0),
            KlPercentiles = new(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12),
            ProbabilityChange = new(1, 2),
            ProbabilityChangePercentiles = new(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 0.1),
            RmsProbabilityChange = new(3, 4),
            TopTokenMatch = new(5, 6),
            ContextLength = 7,
            Range = new(1, 8, 20),
            ScoredTokens = long.MaxValue,
            Duration = TimeSpan.FromTicks(123_456_789),
        };
        Assert.Equal(divergence, Cross(divergence, HostJson.Default.KlDivergenceResult));
        PerplexityResult perplexity = new(new(1, 2), 3, new(7, 4, 11), 5, TimeSpan.FromTicks(6));
        Assert.Equal(perplexity, Cross(perplexity, HostJson.Default.PerplexityResult));
        WorkProgress progress = new("Chunk 1 of 2", 0.5, TimeSpan.FromSeconds(4));
        Assert.Equal(progress, Cross(progress, HostJson.Default.WorkProgress));
    }

    [Fact]
    public void Texts_cross_without_loss()
    {
        GeneratedText text = new()
        {
            Text = "\"ä\" \u0000\ud83d\ude00\n",
            Tokens = [1, 2, 3],
            Ended = true,
            Repetition = new(0.5, 6, 7),
            PromptTokens = 8,
            PromptTokensPerSecond = 9.5,
            TokensPerSecond = 10.5,
        };
        GenerationComparison comparison = new() { Prompt = "p", Reference = text, Candidate = text, AgreeingTokens = 3, AgreeingText = "ä" };

        GenerationComparison crossed = Assert.Single(Cross([comparison], HostJson.Default.IReadOnlyListGenerationComparison));

        Assert.Equal(text with { Tokens = crossed.Reference.Tokens }, crossed.Reference);
        Assert.Equal(text.Tokens, crossed.Reference.Tokens);
        Assert.Equal(comparison with { Reference = crossed.Reference, Candidate = crossed.Candidate }, crossed);
        Assert.True(crossed.IsIdentical);
    }

    [Fact]
    public void Options_cross_without_loss()
    {
        QualityRequest quality = new(1, "r", "c", new() { ContextLength = 2, Chunks = 3, Threads = 4, LogitsFile = "l", ReferenceMemory = 6 }, "d", "e");
        Assert.Equal(quality, Cross(quality, HostJson.Default.QualityRequest));
        QualityRequest reference = quality with { Options = new(), Candidate = null };
        Assert.Equal(reference, Cross(reference, HostJson.Default.QualityRequest));
        ImatrixOptions options = new() { ContextLength = 1, Chunks = 2, SkipChunks = 3, IncludeOutput = true, ParseSpecial = true, Threads = 4 };
        ImatrixRequest imatrix = new("m", "c", options, "r", 6, "s");
        Assert.Equal(imatrix, Cross(imatrix, HostJson.Default.ImatrixRequest));
    }

    [Fact]
    public void Errors_keep_their_type_from_child_to_parent()
    {
        Vocabulary vocabulary = new(1, 2, true, true, "f");
        Exception[] exceptions =
        [
            new InferenceException("a"),
            new EngineMissingException("b"),
            new EngineVersionException("c"),
            new ModelLoadException("p", "d"),
            new UnknownArchitectureException("p", "e"),
            new MissingVocabularyException("p"),
            new VocabularyMismatchException("p", vocabulary, "r", vocabulary with { Count = 3 }),
            new CorpusTooShortException(1, 2, 3),
            new LogitsFormatException("f"),
            new FileNotFoundException("g", "p"),
            new IOException("h"),
            new UnauthorizedAccessException("i"),
            new InvalidDataException("j"),
        ];
        foreach (Exception exception in exceptions)
        {
            Exception crossed = Cross(Failure.Of(exception), HostJson.Default.Failure).ToException();
            Assert.Equal((exception.GetType(), exception.Message), (crossed.GetType(), crossed.Message));
            Assert.Equal((exception as ModelLoadException)?.Path, (crossed as ModelLoadException)?.Path);
        }
        CorpusTooShortException text = Assert.IsType<CorpusTooShortException>(Failure.Of(new CorpusTooShortException(1, 2, 3)).ToException());
        Assert.Equal((1, 2), (text.Tokens, text.Required));
    }

    [Fact]
    public void An_unknown_error_is_thrown_as_its_nearest_known_base()
    {
        Assert.IsType<IOException>(Failure.Of(new DirectoryNotFoundException("a")).ToException());
        Assert.Equal("b", Assert.IsType<InferenceException>(Failure.Of(new InvalidOperationException("b")).ToException()).Message);
        Assert.IsType<InferenceException>(new Failure("System.String", "c").ToException());
    }

    private static T Cross<T>(T value, JsonTypeInfo<T> type) => HostJson.Read(JsonSerializer.SerializeToUtf8Bytes(value, type), type);
}
