using System.Diagnostics;
using GgufQuant.Evaluation.Engines;

namespace GgufQuant.Benchmarks;

/// <summary>Measures the time that is spent in an engine.</summary>
internal sealed class TimedEngine(IInferenceEngine engine) : IInferenceEngine
{
    /// <summary>The time so far, running models, loading and freeing them, and tokenizing.</summary>
    public TimeSpan Elapsed { get; private set; }

    public string Name => engine.Name;

    public ILanguageModel Load(string path, ModelOptions options, CancellationToken cancellationToken) =>
        Measure(() => new Model(this, engine.Load(path, options, cancellationToken)));

    private T Measure<T>(Func<T> work)
    {
        long start = Stopwatch.GetTimestamp();
        T result = work();
        Elapsed += Stopwatch.GetElapsedTime(start);
        return result;
    }

    private void Measure(Action work) => Measure(() =>
    {
        work();
        return 0;
    });

    private sealed class Model(TimedEngine engine, ILanguageModel model) : ILanguageModel
    {
        public string Path => model.Path;

        public string Description => model.Description;

        public int TrainedContextLength => model.TrainedContextLength;

        public Vocabulary Vocabulary => model.Vocabulary;

        public int[] Tokenize(string text, bool addSpecial, bool parseSpecial) => engine.Measure(() => model.Tokenize(text, addSpecial, parseSpecial));

        public string Detokenize(ReadOnlySpan<int> tokens) => model.Detokenize(tokens);

        public bool IsEndOfGeneration(int token) => model.IsEndOfGeneration(token);

        public IEvaluationContext CreateContext(ContextOptions options) => engine.Measure(() => new Context(engine, model.CreateContext(options)));

        public void Dispose() => engine.Measure(model.Dispose);
    }

    private sealed class Context(TimedEngine engine, IEvaluationContext context) : IEvaluationContext
    {
        public int ContextLength => context.ContextLength;

        public int BatchSize => context.BatchSize;

        public void Reset() => engine.Measure(context.Reset);

        public void Evaluate(ReadOnlySpan<int> tokens, int position, int firstOutput, CancellationToken cancellationToken)
        {
            long start = Stopwatch.GetTimestamp();
            context.Evaluate(tokens, position, firstOutput, cancellationToken);
            engine.Elapsed += Stopwatch.GetElapsedTime(start);
        }

        public ReadOnlySpan<float> Logits(int index) => context.Logits(index);

        public void Dispose() => engine.Measure(context.Dispose);
    }
}
