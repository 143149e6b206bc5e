using GgufQuant.Evaluation.Comparison;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Hosting;
using GgufQuant.Evaluation.Tests.Hosting;
using GgufQuant.Gguf;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Tests.Comparison;

/// <summary>Sessions over copies of the sample model, whose names decide what the engine does with them.</summary>
public sealed class ComparisonSessionTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly Recorder _recorder = new();
    private readonly List<(string File, Exception Failure)> _failures = [];
    private readonly RemoteEngine _engine = FaultyHost.Start();

    public void Dispose()
    {
        _engine.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void A_reference_is_measured_once_and_before_its_candidates()
    {
        ComparisonSession session = Session(engine: null, new());

        Assert.Equal(["reference.gguf", "first.gguf"], Names(Compare(session, "reference.gguf", "first.gguf")));
        Assert.Equal(["second.gguf"], Names(Compare(session, "reference.gguf", "second.gguf")));
        Assert.Empty(Compare(session, "reference.gguf", "reference.gguf"));
        Assert.Equal(["other-reference.gguf", "first.gguf"], Names(Compare(session, "other-reference.gguf", "first.gguf")));
    }

    [Fact]
    public void Without_an_engine_only_weights_are_compared()
    {
        ComparedModel[] models = Compare(Session(engine: null, Options()), "reference.gguf", "candidate.gguf");

        Assert.Null(models[0].Weights);
        Assert.Equal(0, models[1].Weights?.RelativeRmsError);
        Assert.All(models, model => Assert.Null(model.Perplexity));
        Assert.All(models, model => Assert.Empty(model.Generations));
        Assert.Equal(["Comparing candidate.gguf with reference.gguf"], _recorder.Activities);
    }

    [Fact]
    public void With_an_engine_predictions_and_texts_are_compared_too()
    {
        ComparedModel[] models = Compare(Session(_engine, Options()), "reference.gguf", "candidates.gguf");

        Assert.Null(models[0].Predictions);
        Assert.Equal(models[1].Perplexity, models[1].Predictions?.Perplexity);
        Assert.NotEqual(models[0].Perplexity, models[1].Perplexity);
        Assert.NotEqual(models[1].Generations[0].Reference.Text, models[1].Generations[0].Candidate.Text);
        Assert.Equal(
            [
                "Evaluating reference.gguf", "Generating with reference.gguf",
                "Comparing candidates.gguf with reference.gguf", "Evaluating candidates.gguf", "Generating with candidates.gguf",
            ],
            _recorder.Activities);
        Assert.Empty(_failures);
    }

    [Fact]
    public void A_reference_that_cannot_be_run_is_reported_once_and_its_weights_are_still_compared()
    {
        ComparisonSession session = Session(_engine, Options());

        ComparedModel[] models = [.. Compare(session, "rejected.gguf", "first.gguf"), .. Compare(session, "rejected.gguf", "second.gguf")];

        (string file, Exception failure) = Assert.Single(_failures);
        Assert.Equal("rejected.gguf", file);
        Assert.IsType<ModelLoadException>(failure);
        Assert.Equal(["rejected.gguf", "first.gguf", "second.gguf"], Names(models));
        Assert.All(models, model => Assert.Null(model.Perplexity));
        Assert.All(models[1..], model => Assert.NotNull(model.Weights));
    }

    [Fact]
    public void The_reference_after_one_that_cannot_be_run_is_run()
    {
        ComparisonSession session = Session(_engine, Options());
        Compare(session, "rejected.gguf", "candidate.gguf");

        Assert.All(Compare(session, "reference.gguf", "candidate.gguf"), model => Assert.NotNull(model.Perplexity));
    }

    [Fact]
    public void A_reference_that_ends_the_engine_is_not_run_again()
    {
        Compare(Session(_engine, Options()), "abort-load.gguf", "candidate.gguf");

        Assert.IsType<EngineStoppedException>(Assert.Single(_failures).Failure);
        Assert.Equal(["Evaluating abort-load.gguf", "Comparing candidate.gguf with abort-load.gguf"], _recorder.Activities);
    }

    [Fact]
    public void A_candidate_that_cannot_be_run_throws_and_the_next_one_is_measured()
    {
        ComparisonSession session = Session(_engine, Options());

        Assert.Throws<ModelLoadException>(() => Compare(session, "reference.gguf", "rejected.gguf"));

        Assert.NotNull(Assert.Single(Compare(session, "reference.gguf", "candidate.gguf")).Predictions);
        Assert.Empty(_failures);
    }

    private ComparisonOptions Options()
    {
        string corpus = _folder.File("corpus.txt");
        File.WriteAllText(corpus, string.Concat(Enumerable.Range(0, 100)));
        return new() { Corpus = corpus, Prompts = ["prompt"], Threads = 1 };
    }

    private ComparisonSession Session(RemoteEngine? engine, ComparisonOptions options) =>
        new(engine, options, _recorder, (path, exception) => _failures.Add((Path.GetFileName(path), exception)));

    private ComparedModel[] Compare(ComparisonSession session, string reference, string candidate)
    {
        using GgufFile referenceFile = Open(reference);
        using GgufFile candidateFile = Open(candidate);
        return [.. session.Compare(referenceFile, candidateFile)];
    }

    private GgufFile Open(string name)
    {
        string path = _folder.File(name);
        if (!File.Exists(path))
            File.Copy(Sample.Model, path);
        return GgufFile.Open(path);
    }

    private static IEnumerable<string> Names(IEnumerable<ComparedModel> models) => models.Select(model => Path.GetFileName(model.Model.Path));

    private sealed class Recorder : IStepRunner
    {
        public List<string> Activities { get; } = [];

        public TResult Run<TResult>(string activity, Func<IProgress<WorkProgress>, CancellationToken, TResult> step)
        {
            Activities.Add(activity);
            return step(new Collector(), TestContext.Current.CancellationToken);
        }
    }
}
