using GgufQuant.Calibration;
using GgufQuant.Evaluation.Calibration;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Imatrix;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.Imatrix;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Hosting.Operations;

/// <summary>Collects the moments of some inputs, and an importance matrix if requested; both are passed through files.</summary>
internal static class CollectMoments
{
    internal static Operation<MomentsRequest, PerplexityResult> Operation { get; } = new(
        "collect-moments",
        HostJson.Default.MomentsRequest,
        HostJson.Default.PerplexityResult,
        Run);

    private static PerplexityResult Run(HostedEngine engine, MomentsRequest request, IProgress<WorkProgress> progress)
    {
        if (request.Moments is null)
            throw new ProtocolException("A request names no file for moments.");
        using ILanguageModel model = request.LoadModel(engine);
        (IReadOnlyList<MomentSums[]> sums, ImatrixData? matrix, PerplexityResult perplexity) = MomentCollector.Collect(
            model, CorpusChunks.ReadText(request.Corpus), request.Options, request.Inputs, request.Matrix is not null, progress);
        using (BinaryWriter writer = new(File.Create(request.Moments)))
        {
            foreach (MomentSums[] matrices in sums)
            {
                foreach (MomentSums moments in matrices)
                    writer.Write(moments.Tokens);
                foreach (MomentSums moments in matrices)
                    moments.Write(writer.BaseStream);
            }
        }
        if (matrix is not null)
            ImatrixSumsFile.Write(matrix, request.Matrix!);
        return perplexity;
    }
}

/// <summary>Requests inputs or their moments.</summary>
/// <param name="Model">The model's file.</param>
/// <param name="Corpus">The text's file.</param>
/// <param name="Options">How to collect.</param>
/// <param name="Inputs">The inputs to collect the moments of.</param>
/// <param name="Moments">The file to write each input's positions and moments to, matrix by matrix.</param>
/// <param name="Matrix">The file to write an importance matrix's sums to; null for none.</param>
internal sealed record MomentsRequest(
    string Model, string Corpus, ImatrixOptions Options, IReadOnlyList<CalibratedInput> Inputs, string? Moments, string? Matrix)
{
    /// <summary>Loads the model.</summary>
    internal ILanguageModel LoadModel(HostedEngine engine) => engine.Engine.Load(Model, new(), CancellationToken.None);
}
