using System.Diagnostics;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Formats;
using GgufQuant.Gguf;
using GgufQuant.Pipeline;
using GgufQuant.Planning;
using GgufQuant.TestKit;
using static System.FormattableString;

namespace GgufQuant.Benchmarks;

/// <summary>How much of the time of comparing models over a text is spent outside the engine, on the statistics of their predictions.</summary>
internal static class EvaluationTable
{
    private const int Rounds = 5;
    private const double Bar = 0.1;

    /// <summary>Measures and writes the table.</summary>
    /// <param name="output">Receives it.</param>
    /// <param name="folder">A folder for 2 GB of files.</param>
    public static void Write(TextWriter output, string folder)
    {
        IInferenceEngine engine = PackagedEngine.Start(EngineCatalog.Choose(EngineCatalog.Find(Repository.PathOf("module", "engine")), null).GetLocation());
        output.WriteLine("| model | tokens in the vocabulary | predictions per second | all, s | statistics, s | share | bar | verdict |");
        output.WriteLine("| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |");
        DirectoryInfo work = Directory.CreateDirectory(Path.Combine(folder, $"GgufQuant.Benchmarks.{Environment.ProcessId}"));
        try
        {
            string large = Path.Combine(work.FullName, "large.gguf");
            BenchmarkModel.LargeVocabulary().Write(large, GgmlType.F16);
            output.WriteLine(Measure(engine, "the sample", Sample.Model, chunks: 40, work.FullName));
            output.WriteLine(Measure(engine, "0.5 billion parameters", large, chunks: 2, work.FullName));
        }
        finally
        {
            work.Delete(recursive: true);
        }
    }

    private static string Measure(IInferenceEngine engine, string name, string reference, int chunks, string folder)
    {
        string candidate = Path.Combine(folder, "candidate.gguf");
        int vocabulary;
        using (GgufFile file = GgufFile.Open(reference))
        {
            vocabulary = (int)file.FindTensor("token_embd.weight")!.Shape[1];
            new Quantizer(new()).Run(QuantizationPlan.Create(file, FileType.Q4_K_M), candidate);
        }
        List<(double All, double Statistics)> times = [];
        long predictions = 0;
        for (int round = 0; round <= Rounds; round++)
        {
            TimedEngine timed = new(engine);
            long start = Stopwatch.GetTimestamp();
            using (QualityMeter meter = new(timed, reference, Sample.HeldOut, new() { ContextLength = 256, Chunks = chunks }))
            {
                _ = meter.MeasureReference();
                predictions = meter.Measure(candidate).ScoredTokens;
            }
            TimeSpan all = Stopwatch.GetElapsedTime(start);
            // The first round reads the files and compiles what later ones find compiled.
            if (round > 0)
                times.Add((all.TotalSeconds, (all - timed.Elapsed).TotalSeconds));
        }
        File.Delete(candidate);
        double median = Statistics.Median(times.Select(time => time.All));
        double share = Statistics.Median(times.Select(time => time.Statistics / time.All));
        return Invariant($"| {name} | {vocabulary:N0} | {predictions / median:F0} | {median:F3} | {share * median:F3} | {share:P1} | {Bar:P0} | {(share <= Bar ? "met" : "missed")} |");
    }
}
