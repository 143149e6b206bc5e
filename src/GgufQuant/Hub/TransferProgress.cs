using System.Diagnostics;
using GgufQuant.IO;

namespace GgufQuant.Hub;

/// <summary>Tells how much of some files has come, and how long the rest will take.</summary>
/// <param name="progress">Receives it.</param>
/// <param name="total">Bytes of all files.</param>
internal sealed class TransferProgress(IProgress<WorkProgress>? progress, long total)
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private long _done;
    private long _new;

    /// <summary>Counts bytes.</summary>
    /// <param name="name">The file at hand.</param>
    /// <param name="bytes">How many more are there; negative if some have to be sent again.</param>
    /// <param name="isNew">Whether they came from the server, and so count for its speed.</param>
    public void Add(string name, long bytes, bool isNew)
    {
        _done += bytes;
        _new += isNew ? bytes : 0;
        TimeSpan? remaining = _new > 0 ? Stopwatch.GetElapsedTime(_start) * ((double)(total - _done) / _new) : null;
        progress?.Report(new($"{name}: {NumberText.Size(_done)} of {NumberText.Size(total)}", total == 0 ? 1 : (double)_done / total, remaining));
    }
}
