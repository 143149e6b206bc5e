using System.Runtime.InteropServices;

namespace GgufQuant.Evaluation.Perplexity;

/// <summary>Memory for the logits of many predictions, outside the garbage-collected heap.</summary>
/// <remarks>
/// The garbage collector would copy such arrays once or twice. Linux is asked to back this memory with huge pages: on a virtual
/// machine, the first access to each small page can take longer than computing the statistics of what it holds.
/// </remarks>
internal sealed unsafe partial class LogitsMemory : IDisposable
{
    private const nuint HugePage = 2 << 20;

    // MADV_HUGEPAGE in sys/mman.h.
    private const int AdviseHugePages = 14;

    private readonly int _vocabularySize;
    private float* _logits;

    /// <param name="rows">Number of predictions.</param>
    /// <param name="vocabularySize">Logits of each.</param>
    /// <exception cref="OutOfMemoryException">The system does not have the memory.</exception>
    public LogitsMemory(long rows, int vocabularySize)
    {
        Rows = rows;
        _vocabularySize = vocabularySize;
        nuint bytes = (checked((nuint)rows * (nuint)vocabularySize * sizeof(float)) + HugePage - 1) / HugePage * HugePage;
        _logits = (float*)NativeMemory.AlignedAlloc(bytes, HugePage);
        // Only advice: if the kernel cannot follow it, nothing is lost.
        if (OperatingSystem.IsLinux())
            _ = Advise(_logits, bytes, AdviseHugePages);
    }

    /// <summary>Number of predictions.</summary>
    public long Rows { get; }

    /// <summary>The logits of a prediction: unspecified before they are written.</summary>
    public Span<float> this[long row]
    {
        get
        {
            ObjectDisposedException.ThrowIf(_logits is null, this);
            ArgumentOutOfRangeException.ThrowIfNegative(row);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(row, Rows);
            return new(_logits + (row * _vocabularySize), _vocabularySize);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        NativeMemory.AlignedFree(_logits);
        _logits = null;
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint length, int advice);
}
