using System.Globalization;
using GgufQuant.Evaluation.Engines;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Generation;

/// <summary>Compares the texts that quantizations generate with those of their reference.</summary>
/// <remarks>Only one model is in memory at a time: the reference's texts are generated once and kept.</remarks>
public sealed class GenerationMeter
{
    private readonly IInferenceEngine _engine;
    private readonly string _referencePath;
    private readonly string[] _prompts;
    private readonly GenerationOptions _options;
    private Texts? _reference;

    /// <summary>Creates the meter; nothing is loaded yet.</summary>
    /// <exception cref="ArgumentException">There is no prompt.</exception>
    public GenerationMeter(IInferenceEngine engine, string referencePath, IEnumerable<string> prompts, GenerationOptions options)
    {
        _engine = engine;
        _referencePath = referencePath;
        _prompts = [.. prompts];
        _options = options;
        if (_prompts.Length == 0)
            throw new ArgumentException("There is no prompt to continue.", nameof(prompts));
    }

    /// <summary>Continues each prompt with the reference, which trivially agrees with itself.</summary>
    /// <param name="progress">Reports after each token.</param>
    /// <param name="cancellationToken">Cancels within a token.</param>
    /// <exception cref="ModelLoadException">It cannot be loaded.</exception>
    public IReadOnlyList<GenerationComparison> MeasureReference(
        IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        Texts reference = Reference(progress, cancellationToken);
        return Compare(reference, reference);
    }

    /// <summary>Continues each prompt with a candidate and compares.</summary>
    /// <param name="path">The candidate's file.</param>
    /// <param name="progress">Reports after each token, including those of the reference's texts if they are generated now.</param>
    /// <param name="cancellationToken">Cancels within a token.</param>
    /// <exception cref="VocabularyMismatchException">Its vocabulary differs from the reference's.</exception>
    /// <exception cref="ModelLoadException">It cannot be loaded.</exception>
    public IReadOnlyList<GenerationComparison> Measure(
        string path, IProgress<WorkProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        Texts reference = Reference(progress, cancellationToken);
        return Compare(reference, Generate(path, reference, progress, cancellationToken));
    }

    private Texts Reference(IProgress<WorkProgress>? progress, CancellationToken cancellationToken) =>
        _reference ??= Generate(_referencePath, null, progress, cancellationToken);

    private IReadOnlyList<GenerationComparison> Compare(Texts reference, Texts candidate) =>
        [.. _prompts.Select((prompt, index) => new GenerationComparison
        {
            Prompt = prompt,
            Reference = reference.Continuations[index],
            Candidate = candidate.Continuations[index],
            AgreeingTokens = candidate.Agreeing[index].Tokens,
            AgreeingText = candidate.Agreeing[index].Text,
        })];

    private Texts Generate(string path, Texts? reference, IProgress<WorkProgress>? progress, CancellationToken cancellationToken)
    {
        using ILanguageModel model = _engine.Load(path, new(), cancellationToken);
        if (reference is not null && !model.Vocabulary.Matches(reference.Vocabulary))
            throw new VocabularyMismatchException(path, model.Vocabulary, _referencePath, reference.Vocabulary);
        int contextLength = _prompts.Max(prompt => GreedyGenerator.Tokenize(model, prompt).Length) + _options.MaximumTokens;
        using IEvaluationContext context = model.CreateContext(new() { ContextLength = contextLength, Threads = _options.Threads });
        Texts texts = new(model.Vocabulary, [], []);
        for (int i = 0; i < _prompts.Length; i++)
        {
            TokenCount? count = progress is null ? null : new(progress, i + 1, _prompts.Length, _options.MaximumTokens);
            GeneratedText text = GreedyGenerator.Generate(model, context, _prompts[i], _options.MaximumTokens, count, cancellationToken);
            texts.Continuations.Add(text);
            int[] tokens = [.. text.Tokens];
            int agreeing = reference is null ? tokens.Length : tokens.AsSpan().CommonPrefixLength([.. reference.Continuations[i].Tokens]);
            texts.Agreeing.Add((agreeing, model.Detokenize(tokens.AsSpan(0, agreeing))));
        }
        return texts;
    }

    private sealed class TokenCount(IProgress<WorkProgress> progress, int prompt, int prompts, int maximum) : IProgress<int>
    {
        public void Report(int value) => progress.Report(new(
            string.Create(CultureInfo.InvariantCulture, $"Prompt {prompt} of {prompts}, token {value} of {maximum}"),
            (prompt - 1 + ((double)value / maximum)) / prompts));
    }

    private sealed record Texts(Vocabulary Vocabulary, List<GeneratedText> Continuations, List<(int Tokens, string Text)> Agreeing);
}
