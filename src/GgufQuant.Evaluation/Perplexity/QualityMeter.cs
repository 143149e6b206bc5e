using GgufQuant.Calibration;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Gguf;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Perplexity;

/// <summary>Compares quantizations with their reference over a text.</summary>
/// <remarks>
/// The reference is evaluated side by side with each candidate, chunk by chunk. If its logits fit into
/// <see cref="QualityOptions.ReferenceMemory"/>, or a file is given for them, it is evaluated only once.
/// </remarks>
public sealed class QualityMeter : IDisposable
{
    // Quantizing to Q8_0 moves the sample model's predictions by 0.00013; another machine's rounding moves them far less.
    private const double MostDivergenceOfTheSameModel = 1e-4;

    private readonly IInferenceEngine _engine;
    private readonly QualityOptions _options;
    private readonly string _referencePath;
    private readonly string _text;
    private Reference? _reference;
    private CorpusChunks? _corpus;
    private Vocabulary? _vocabulary;
    private PerplexityResult? _referenceResult;

    /// <summary>Creates the meter; the reference is loaded on first use and stays loaded until this is disposed.</summary>
    public QualityMeter(IInferenceEngine engine, string referencePath, string text, QualityOptions options)
    {
        _engine = engine;
        _referencePath = referencePath;
        _text = text;
        _options = options;
    }

    private int Threads => _options.Threads > 0 ? _options.Threads : Environment.ProcessorCount;

    /// <summary>The reference's own perplexity, measured once.</summary>
    /// <param name="progress">Reports after each chunk.</param>
    /// <param name="cancellationToken">Cancels within a chunk.</param>
    /// <exception cref="CorpusTooShortException">The text has fewer tokens than two chunks.</exception>
    /// <exception cref="ModelLoadException">The reference cannot be loaded.</exception>
    /// <exception cref="LogitsFormatException">The logits file is damaged, or its logits are of another text or model.</exception>
    public PerplexityResult MeasureReference(IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        if (_referenceResult is not null)
            return _referenceResult;
        if (_options.LogitsFile is null)
        {
            Reference reference = _reference ??= LoadReference(_options.ContextLength, cancellationToken);
            return _referenceResult = PerplexityMeter.Measure(reference.Source, reference.Corpus, reference.Context.BatchSize, Threads, progress, cancellationToken);
        }
        _referenceResult = File.Exists(_options.LogitsFile)
            ? ReadLogits(_options.LogitsFile, progress, cancellationToken)
            : WriteLogits(_options.LogitsFile, progress, cancellationToken);
        Release();
        return _referenceResult;
    }

    /// <summary>Measures a candidate against the reference.</summary>
    /// <param name="path">The candidate's file.</param>
    /// <param name="progress">Reports after each chunk, with the candidate's perplexity.</param>
    /// <param name="cancellationToken">Cancels within a chunk.</param>
    /// <exception cref="VocabularyMismatchException">Its vocabulary differs from the reference's.</exception>
    /// <exception cref="CorpusTooShortException">The text has fewer tokens than two chunks.</exception>
    /// <exception cref="ModelLoadException">It cannot be loaded.</exception>
    public KlDivergenceResult Measure(string path, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        if (_options.LogitsFile is { } stored)
        {
            MeasureReference(null, cancellationToken);
            // Each time, since the file may have been replaced.
            using LogitsFile file = LogitsFile.Open(stored);
            StoredReference logits = new(file, file.Find(_corpus!, _vocabulary!.Count));
            using ILanguageModel model = Load(path, cancellationToken);
            using IEvaluationContext context = model.CreateContext(ContextOptions(file.ContextLength));
            return KlDivergenceMeter.Measure(logits, context, _corpus!, Threads, _options.KeepRecords, progress, cancellationToken);
        }

        Reference reference = _reference ??= LoadReference(_options.ContextLength, cancellationToken);
        using ILanguageModel candidate = Load(path, cancellationToken);
        using IEvaluationContext candidateContext = candidate.CreateContext(ContextOptions(reference.Corpus.ContextLength));
        return KlDivergenceMeter.Measure(reference.Source, candidateContext, reference.Corpus, Threads, _options.KeepRecords, progress, cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose() => Release();

    private PerplexityResult ReadLogits(string path, IProgress<WorkProgress>? progress, CancellationToken cancellationToken)
    {
        using LogitsFile file = LogitsFile.Open(path);
        StoredReference logits = file.ReferenceHash is { } hash
            ? VerifyByHash(file, hash, cancellationToken)
            : VerifyByEvaluation(file, cancellationToken);
        int batchSize = ContextOptions(file.ContextLength).BatchSize;
        return PerplexityMeter.Measure(logits, _corpus!, batchSize, Threads, progress, cancellationToken);
    }

    private StoredReference VerifyByHash(LogitsFile file, string hash, CancellationToken cancellationToken)
    {
        if (HashOfReference(cancellationToken) != hash)
            throw new LogitsFormatException($"'{file.Path}' contains logits of a different model than '{_referencePath}', as the hash in it tells. Name another file.");
        using ILanguageModel tokenizer = _engine.Load(_referencePath, new() { VocabularyOnly = true }, cancellationToken);
        CorpusChunks corpus = Cut(tokenizer, _options.ContextLength ?? file.ContextLength);
        return new(file, file.Find(corpus, tokenizer.Vocabulary.Count));
    }

    // The file does not say whose predictions it contains, so those of its first chunk are recomputed.
    private StoredReference VerifyByEvaluation(LogitsFile file, CancellationToken cancellationToken)
    {
        Reference reference = _reference ??= LoadReference(_options.ContextLength ?? file.ContextLength, cancellationToken);
        StoredReference logits = new(file, file.Find(reference.Corpus, reference.Model.Vocabulary.Count));
        KlDivergenceResult first = KlDivergenceMeter.Measure(
            logits, reference.Context, reference.Corpus.First(), Threads, keepsRecords: false, progress: null, cancellationToken);
        if (first.KlDivergence.Value > MostDivergenceOfTheSameModel)
        {
            throw new LogitsFormatException(
                $"'{file.Path}' contains logits of a different model than '{_referencePath}': they diverge by {first.KlDivergence.Value:G3} in the first chunk. Name another file.");
        }
        return logits;
    }

    private PerplexityResult WriteLogits(string path, IProgress<WorkProgress>? progress, CancellationToken cancellationToken)
    {
        string hash = HashOfReference(cancellationToken);
        Reference reference = _reference ??= LoadReference(_options.ContextLength, cancellationToken);
        using LogitsWriter writer = LogitsWriter.Create(
            path, reference.Corpus, reference.Model.Vocabulary.Count, reference.Context.BatchSize, hash);
        PerplexityResult result = PerplexityMeter.Measure(reference.Context, reference.Corpus, Threads, writer, progress, cancellationToken);
        writer.Complete();
        return result;
    }

    private string HashOfReference(CancellationToken cancellationToken)
    {
        using GgufFile reference = GgufFile.Open(_referencePath, cancellationToken);
        return ModelFingerprint.Of(reference);
    }

    private ILanguageModel Load(string path, CancellationToken cancellationToken)
    {
        ILanguageModel candidate = _engine.Load(path, new(), cancellationToken);
        if (candidate.Vocabulary.Matches(_vocabulary!))
            return candidate;
        VocabularyMismatchException mismatch = new(path, candidate.Vocabulary, _referencePath, _vocabulary!);
        candidate.Dispose();
        throw mismatch;
    }

    private void Release()
    {
        (_reference?.Source as IDisposable)?.Dispose();
        _reference?.Context.Dispose();
        _reference?.Model.Dispose();
        _reference = null;
    }

    private Reference LoadReference(int? contextLength, CancellationToken cancellationToken)
    {
        ILanguageModel model = _engine.Load(_referencePath, new(), cancellationToken);
        IEvaluationContext? context = null;
        try
        {
            CorpusChunks corpus = Cut(model, contextLength ?? CorpusChunks.DefaultContextLength(model));
            context = model.CreateContext(ContextOptions(corpus.ContextLength));
            int vocabularySize = model.Vocabulary.Count;
            IReferenceSource source = RecordedReference.BytesOf(corpus, vocabularySize) <= _options.ReferenceMemory
                ? new RecordedReference(context, corpus, vocabularySize, Threads)
                : new LiveReference(context);
            return new(model, context, corpus, source);
        }
        catch
        {
            context?.Dispose();
            model.Dispose();
            throw;
        }
    }

    private CorpusChunks Cut(ILanguageModel tokenizer, int contextLength)
    {
        CorpusChunks corpus = CorpusChunks.Create(tokenizer, _text, contextLength, _options.Chunks, _options.SkipChunks);
        const int Most = PredictionRecords.MaximumBytes / PredictionRecords.Size;
        if (_options.KeepRecords && (long)corpus.Count * corpus.ScoredPerChunk > Most)
            throw new InferenceException($"A part of a measurement has at most {Most / corpus.ScoredPerChunk} chunks of {contextLength} tokens, but {corpus.Count} were requested.");
        _corpus = corpus;
        _vocabulary = tokenizer.Vocabulary;
        return corpus;
    }

    private ContextOptions ContextOptions(int contextLength) => new() { ContextLength = contextLength, Threads = _options.Threads };

    private sealed record Reference(ILanguageModel Model, IEvaluationContext Context, CorpusChunks Corpus, IReferenceSource Source);
}
