using GgufQuant.Formats;
using GgufQuant.Gpu;

namespace GgufQuant.Commands;

/// <summary>The trial of a graphics card as progress.</summary>
internal sealed class TrialStatus(IProgress<WorkProgress> progress) : IProgress<DeviceTrial>
{
    /// <inheritdoc/>
    public void Report(DeviceTrial value) =>
        progress.Report(new($"Trying {BlockFormat.Of(value.Type)} on {value.Device}", value.Share, Remaining: null));
}
