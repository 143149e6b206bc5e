using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Imatrix;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Imatrix;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Hosting.Operations;

/// <summary>Collects an importance matrix; its sums are passed through a file.</summary>
internal static class CollectImatrix
{
    internal static Operation<ImatrixRequest, PerplexityResult> Operation { get; } = new(
        "collect-imatrix",
        HostJson.Default.ImatrixRequest,
        HostJson.Default.PerplexityResult,
        Run);

    private static PerplexityResult Run(HostedEngine engine, ImatrixRequest request, IProgress<WorkProgress> progress)
    {
        ImatrixData? before = request.Resume is null ? null : ImatrixData.From(ImatrixFile.Open(request.Resume), request.ResumeChunkSize);
        using ILanguageModel model = engine.Engine.Load(request.Model, new(), CancellationToken.None);
        (ImatrixData matrix, PerplexityResult perplexity) = ImatrixCollector.Collect(
            model, CorpusChunks.ReadText(request.Corpus), request.Options, before, progress);
        ImatrixSumsFile.Write(matrix, request.Sums);
        return perplexity;
    }
}

/// <summary>Requests an importance matrix.</summary>
/// <param name="Model">The model's file.</param>
/// <param name="Corpus">The text's file.</param>
/// <param name="Options">Options of the collection.</param>
/// <param name="Resume">A matrix to add to; null to start a new one.</param>
/// <param name="ResumeChunkSize">Tokens per chunk of that matrix.</param>
/// <param name="Sums">The file to write the sums to.</param>
internal sealed record ImatrixRequest(string Model, string Corpus, ImatrixOptions Options, string? Resume, int ResumeChunkSize, string Sums);
