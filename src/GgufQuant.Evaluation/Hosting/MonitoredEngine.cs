using GgufQuant.Checks;
using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Evaluation.Hosting;

/// <summary>An engine that reports its work: the file it is loading, and each completed call.</summary>
/// <remarks>The reports come from the work itself, so an engine that hangs falls silent.</remarks>
internal sealed class MonitoredEngine(IInferenceEngine engine, MessageReporter reporter) : IInferenceEngine
{
    public string Name => engine.Name;

    public ILanguageModel Load(string path, ModelOptions options, CancellationToken cancellationToken)
    {
        reporter.Loading(path, 0);
        Check(path, cancellationToken);
        ILanguageModel model = engine.Load(path, options with { Progress = new LoadingProgress(path, options.Progress, reporter) }, cancellationToken);
        reporter.Loading(path, 1);
        return new Model(model, reporter);
    }

    public MeasuredMemory MeasureMemory(MeasuredRun run, CancellationToken cancellationToken)
    {
        reporter.Loading(run.Path, 0);
        Check(run.Path, cancellationToken);
        return engine.MeasureMemory(run, cancellationToken);
    }

    private static void Check(string path, CancellationToken cancellationToken)
    {
        if (GgufCheck.FindFatal(path, cancellationToken) is { } finding)
            throw new ModelLoadException(path, $"'{path}' is not loaded{(finding.EndsProgramIn == LlamaBuilds.None ? "" : ", because it would crash the engine")}. {finding.Subject}: {finding.Message}");
    }

    private sealed class LoadingProgress(string path, IProgress<double>? inner, MessageReporter reporter) : IProgress<double>
    {
        public void Report(double value)
        {
            reporter.Loading(path, value);
            inner?.Report(value);
        }
    }

    private sealed class Model(ILanguageModel model, MessageReporter reporter) : ILanguageModel
    {
        // Characters; llama.cpp tokenizes a text in one silent call, at several times this speed.
        private const double TokenizedPerSecond = 100_000;

        public string Path => model.Path;

        public string Description => model.Description;

        public int TrainedContextLength => model.TrainedContextLength;

        public Vocabulary Vocabulary => Reported(model.Vocabulary);

        public int[] Tokenize(string text, bool addSpecial, bool parseSpecial)
        {
            reporter.LongCall(TimeSpan.FromSeconds(text.Length / TokenizedPerSecond));
            return Reported(model.Tokenize(text, addSpecial, parseSpecial));
        }

        public string Detokenize(ReadOnlySpan<int> tokens) => Reported(model.Detokenize(tokens));

        public bool IsEndOfGeneration(int token) => model.IsEndOfGeneration(token);

        public bool CanOverwrite(string weight) => Reported(model.CanOverwrite(weight));

        public void Overwrite(string weight, long offset, ReadOnlySpan<byte> data)
        {
            model.Overwrite(weight, offset, data);
            reporter.Heartbeat();
        }

        public IEvaluationContext CreateContext(ContextOptions options) =>
            Reported(new Context(model.CreateContext(options with { Heartbeat = reporter.Heartbeat }), reporter));

        public void Dispose() => model.Dispose();

        private T Reported<T>(T result)
        {
            reporter.Heartbeat();
            return result;
        }
    }

    private sealed class Context(IEvaluationContext context, MessageReporter reporter) : IEvaluationContext
    {
        public int ContextLength => context.ContextLength;

        public int BatchSize => context.BatchSize;

        public void Reset() => context.Reset();

        public void Evaluate(ReadOnlySpan<int> tokens, int position, int firstOutput, CancellationToken cancellationToken)
        {
            context.Evaluate(tokens, position, firstOutput, cancellationToken);
            reporter.Heartbeat();
        }

        public void Evaluate(ReadOnlySpan<SequenceToken> tokens, CancellationToken cancellationToken)
        {
            context.Evaluate(tokens, cancellationToken);
            reporter.Heartbeat();
        }

        public ReadOnlySpan<float> Logits(int index) => context.Logits(index);

        public void Dispose() => context.Dispose();
    }
}
