using GgufQuant.Evaluation.Calibration;
using GgufQuant.Evaluation.Engines;
using GgufQuant.Evaluation.Perplexity;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Hosting.Operations;

/// <summary>Finds the distinct inputs of a model's weights.</summary>
internal static class DiscoverInputs
{
    internal static Operation<MomentsRequest, DiscoveredInputs> Operation { get; } = new(
        "discover-inputs",
        HostJson.Default.MomentsRequest,
        HostJson.Default.DiscoveredInputs,
        Run);

    private static DiscoveredInputs Run(HostedEngine engine, MomentsRequest request, IProgress<WorkProgress> progress)
    {
        using ILanguageModel model = request.LoadModel(engine);
        return MomentCollector.Discover(model, CorpusChunks.ReadText(request.Corpus), request.Options);
    }
}
