using GgufQuant.Calibration;
using GgufQuant.Comparison;
using GgufQuant.Evaluation.Calibration;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Generation;
using GgufQuant.Evaluation.Hosting;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Evaluation.Speed;
using GgufQuant.Evaluation.Tasks;
using GgufQuant.Gguf;
using GgufQuant.IO;
using GgufQuant.Models;

namespace GgufQuant.Evaluation.Comparison;

/// <summary>Compares models with their references, one after another: sizes and weights, and with an engine also predictions and texts.</summary>
/// <remarks>A reference that cannot be run is reported once; the sizes and weights of its candidates are still compared.</remarks>
public sealed class ComparisonSession
{
    private readonly RemoteEngine? _engine;
    private readonly ComparisonOptions _options;
    private readonly IStepRunner _runner;
    private readonly Action<string, Exception> _reportFailure;
    private readonly HashSet<string> _measuredReferences = new(StringComparer.Ordinal);
    private string? _meteredReference;
    private RemoteQualityMeter? _quality;
    private RemoteGenerationMeter? _generation;
    private RemoteTaskMeter? _task;
    private TaskResult? _referenceTask;
    private RemoteSpeedMeter? _speed;

    // Hashes of the text and the reference, which its candidates share.
    private (string Text, string Reference)? _part;
    private Exception? _lastFailure;

    /// <summary>Creates a session; nothing is loaded yet.</summary>
    /// <param name="engine">Runs the models; null to compare sizes and weights only.</param>
    /// <param name="options">What to measure.</param>
    /// <param name="runner">Runs each step.</param>
    /// <param name="reportFailure">Receives the path of a reference that cannot be run, and why.</param>
    public ComparisonSession(RemoteEngine? engine, ComparisonOptions options, IStepRunner runner, Action<string, Exception> reportFailure)
    {
        _engine = engine;
        _options = options;
        _runner = runner;
        _reportFailure = reportFailure;
    }

    /// <summary>Measures a candidate, and first its reference if that is new to the session.</summary>
    /// <param name="reference">The reference.</param>
    /// <param name="candidate">The candidate; the reference itself is not compared with itself.</param>
    /// <returns>Each model as soon as it is measured.</returns>
    /// <exception cref="ModelMismatchException">The files are different models.</exception>
    /// <exception cref="InferenceException">The candidate cannot be run.</exception>
    public IEnumerable<ComparedModel> Compare(GgufFile reference, GgufFile candidate)
    {
        StartMeters(reference.Path);
        ModelInfo referenceInfo = Describe(reference);
        if (_measuredReferences.Add(reference.Path))
            yield return MeasureReference(referenceInfo);
        if (!PathIdentity.AreSame(candidate.Path, reference.Path))
            yield return Measure(reference, referenceInfo, candidate, _options.SkipsWeights ? null : MeasureWeights(reference, candidate));
    }

    /// <summary>Compares only weights.</summary>
    /// <exception cref="ModelMismatchException">The files are different models.</exception>
    public ModelError MeasureWeights(GgufFile reference, GgufFile candidate) => _runner.Run(
        $"Comparing {Path.GetFileName(candidate.Path)} with {Path.GetFileName(reference.Path)}",
        (progress, token) => ModelComparison.Measure(reference, candidate, _options.Threads, progress, token));

    private void StartMeters(string reference)
    {
        if (_engine is null || reference == _meteredReference)
            return;
        _meteredReference = reference;
        _part = null;
        _lastFailure = null;
        _quality = _options.Corpus is null ? null : new(_engine, reference, _options.Corpus, new()
        {
            ContextLength = _options.ContextLength,
            Chunks = _options.Chunks,
            SkipChunks = _options.SkipChunks,
            KeepRecords = _options.IsPart,
            Threads = _options.Threads,
            LogitsFile = _options.LogitsFile,
        });
        _generation = _options.Prompts.Count == 0 ? null : new(_engine, reference, _options.Prompts, new() { Threads = _options.Threads });
        _task = _options.Task is null ? null : new(_engine, _options.Task, _options.Threads);
        _referenceTask = null;
        _speed = _options.Speed is null ? null : new(_engine, _options.Speed);
    }

    private ModelInfo Describe(GgufFile model) => ModelInfo.Read(model, _options.Memory);

    private ComparedModel MeasureReference(ModelInfo reference)
    {
        string name = Path.GetFileName(reference.Path);
        PerplexityResult? perplexity = _quality is null ? null : TryRun(reference.Path, $"Evaluating {name}", _quality.MeasureReference);
        if (perplexity is null)
            _quality = null;
        IReadOnlyList<GenerationComparison>? texts =
            _generation is null ? null : TryRun(reference.Path, $"Generating with {name}", _generation.MeasureReference);
        if (texts is null)
            _generation = null;
        _referenceTask = _task is null ? null : TryRun(reference.Path, $"Asking {name}", (progress, token) => _task.Measure(reference.Path, progress, token));
        SpeedResult? speed = _speed is null ? null : TryRun(reference.Path, SpeedActivity(name), (progress, token) => _speed.Measure(reference.Path, progress, token));
        if (speed is null)
            _speed = null;
        return new(reference, reference, Weights: null) { Perplexity = perplexity?.Perplexity, Generations = texts ?? [], Task = _referenceTask, Speed = speed };
    }

    private ComparedModel Measure(GgufFile reference, ModelInfo referenceInfo, GgufFile candidate, ModelError? weights)
    {
        string name = Path.GetFileName(candidate.Path);
        ComparedModel result = new(referenceInfo, Describe(candidate), weights);
        if (_quality is not null)
        {
            KlDivergenceResult predictions = _runner.Run(
                $"Evaluating {name}", (progress, token) => _quality.Measure(candidate.Path, progress, token));
            result = result with { Perplexity = predictions.Perplexity, Predictions = predictions };
            if (_options.IsPart)
            {
                (string text, string hash) = _part ??= (HashOfText(predictions.ContextLength), CalibrationWriter.HashOf(reference));
                result = result with { Part = new(text, hash, CalibrationWriter.HashOf(candidate)) { HasStoredLogits = _options.LogitsFile is not null } };
            }
        }
        if (_generation is not null)
        {
            result = result with
            {
                Generations = _runner.Run($"Generating with {name}", (progress, token) => _generation.Measure(candidate.Path, progress, token)),
            };
        }
        if (_task is not null && _referenceTask is not null)
        {
            TaskResult answers = _runner.Run($"Asking {name}", (progress, token) => _task.Measure(candidate.Path, progress, token));
            result = result with { Task = answers, TaskComparison = TaskComparison.Of(_referenceTask, answers) };
        }
        if (_speed is not null)
            result = result with { Speed = _runner.Run(SpeedActivity(name), (progress, token) => _speed.Measure(candidate.Path, progress, token)) };
        return result;
    }

    private string HashOfText(int contextLength) => _runner.Run(
        $"Reading {Path.GetFileName(_options.Corpus)}",
        (_, token) => CorpusFingerprint.Of(_options.Corpus!, new() { ContextLength = contextLength }, token));

    private static string SpeedActivity(string name) => $"Measuring the speed of {name}";

    private TResult? TryRun<TResult>(string path, string activity, Func<IProgress<WorkProgress>, CancellationToken, TResult> step)
        where TResult : class
    {
        // A model that crashed the engine once would do so again.
        if (_lastFailure is EngineStoppedException)
            return null;
        try
        {
            return _runner.Run(activity, step);
        }
        catch (Exception exception) when (exception is InferenceException or GgufFormatException or IOException or UnauthorizedAccessException)
        {
            // A model that cannot be evaluated usually cannot generate either.
            if (exception.Message != _lastFailure?.Message)
                _reportFailure(path, exception);
            _lastFailure = exception;
            return null;
        }
    }
}
