using System.Diagnostics;
using GgufQuant.Gguf;

namespace GgufQuant.Commands;

/// <summary>Turns the progress of reading through a model into what the user sees.</summary>
internal sealed class ScanStatus(IProgress<WorkProgress> progress) : IProgress<ScanProgress>
{
    private readonly long _start = Stopwatch.GetTimestamp();

    public void Report(ScanProgress value)
    {
        TimeSpan elapsed = Stopwatch.GetElapsedTime(_start);
        TimeSpan? remaining = value.Share > 0 ? elapsed * ((1 - value.Share) / value.Share) : null;
        progress.Report(new(value.Tensor, value.Share, remaining));
    }
}
