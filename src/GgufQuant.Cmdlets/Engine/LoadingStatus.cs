using GgufQuant.Evaluation.Hosting;

namespace GgufQuant.Commands;

/// <summary>Turns the progress of loading a model into what the user sees.</summary>
internal sealed class LoadingStatus(IProgress<WorkProgress> progress) : IProgress<ModelLoading>
{
    public void Report(ModelLoading value) =>
        progress.Report(new($"Loading {Formatting.FileName(value.Path)}", value.Share, Remaining: null));
}
