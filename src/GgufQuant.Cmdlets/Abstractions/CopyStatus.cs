using System.Diagnostics;
using GgufQuant.Gguf;

namespace GgufQuant.Commands;

/// <summary>Turns the progress of copying a model into what the user sees.</summary>
internal sealed class CopyStatus(IProgress<WorkProgress> progress) : IProgress<GgufCopyProgress>
{
    private readonly long _start = Stopwatch.GetTimestamp();

    public void Report(GgufCopyProgress value)
    {
        double share = value.Bytes == 0 ? 1 : (double)value.BytesDone / value.Bytes;
        TimeSpan elapsed = Stopwatch.GetElapsedTime(_start);
        TimeSpan? remaining = share > 0 ? elapsed * ((1 - share) / share) : null;
        progress.Report(new($"{value.Tensor}, {Formatting.Size(value.BytesDone)} of {Formatting.Size(value.Bytes)}", share, remaining));
    }
}
