using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Tests;

namespace GgufQuant.LLamaSharp.Tests;

/// <summary>The engine of LLamaSharp, loaded as the module loads it.</summary>
public sealed class LLamaSharpEngineTests : EngineContract
{
    private static readonly string s_path = Path.Combine(Sample.RepositoryRoot, "module", "llamasharp", "GgufQuant.LLamaSharp.dll");
    private static readonly List<string> s_log = [];
    private static readonly Lazy<IInferenceEngine> s_engine = new(() => PackagedEngine.Start(new("LLamaSharp", s_path, Path.GetDirectoryName(s_path)!), Log));

    [Fact]
    public void SaysThatItShowsNoActivations()
    {
        using ILanguageModel model = Load();

        InferenceException exception = Assert.Throws<InferenceException>(
            () => model.CreateContext(new() { ContextLength = 8, Observer = new Observer() }));

        Assert.Contains("importance matrices need llama.cpp's own", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ReportsTheLog()
    {
        Load().Dispose();

        lock (s_log)
            Assert.Contains(s_log, line => line.Contains("general.architecture", StringComparison.Ordinal));
    }

    private protected override IInferenceEngine Start()
    {
        Assert.SkipUnless(File.Exists(s_path), "LLamaSharp's engine is not staged: './build.ps1 -Engine LLamaSharp' does that.");
        return s_engine.Value;
    }

    private static void Log(LlamaLogLevel level, string line)
    {
        lock (s_log)
            s_log.Add(line);
    }

    private sealed class Observer : IActivationObserver
    {
        public bool Wants(in MatrixProduct product) => true;

        public void Observe(in MatrixProduct product)
        {
        }
    }
}
