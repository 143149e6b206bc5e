using System.Text;
using GgufQuant.Evaluation.Engines;

namespace GgufQuant.FaultyEngine;

/// <summary>A model whose tokens are bytes, and whose predictions follow from its name and the last token.</summary>
internal sealed class FaultyModel(string path) : ILanguageModel
{
    private const int Tokens = 128;

    public string Path => path;

    public string Description => "faulty";

    public int TrainedContextLength => 16;

    public Vocabulary Vocabulary { get; } = new(Tokens, -1, false, false, path.Contains("other", StringComparison.Ordinal) ? "b" : "a");

    public int[] Tokenize(string text, bool addSpecial, bool parseSpecial)
    {
        Fault.At("tokenize", path);
        return [.. Encoding.UTF8.GetBytes(text).Select(value => value % Tokens)];
    }

    public string Detokenize(ReadOnlySpan<int> tokens) => Encoding.ASCII.GetString([.. tokens.ToArray().Select(token => (byte)token)]);

    public bool IsEndOfGeneration(int token) => false;

    public IEvaluationContext CreateContext(ContextOptions options) => new Context(path, options);

    public void Dispose()
    {
    }

    private sealed class Context(string path, ContextOptions options) : IEvaluationContext
    {
        private float[][] _logits = [];

        public int ContextLength => options.ContextLength;

        public int BatchSize => options.BatchSize;

        public void Reset()
        {
        }

        public void Evaluate(ReadOnlySpan<int> tokens, int position, int firstOutput, CancellationToken cancellationToken)
        {
            Fault.At("evaluate", path, options.Heartbeat);
            int seed = System.IO.Path.GetFileName(path).Length;
            _logits = [.. tokens.ToArray().Select(token => Enumerable.Range(0, Tokens).Select(i => MathF.Sin((token * i) + seed)).ToArray())];
        }

        public ReadOnlySpan<float> Logits(int index) => _logits[index];

        public void Dispose()
        {
        }
    }
}
