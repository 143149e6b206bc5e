using GgufQuant.Gguf;
using GgufQuant.IO;

namespace GgufQuant.Pipeline;

/// <summary>How the work is done; the bytes written do not depend on it.</summary>
public sealed record QuantizerOptions
{
    /// <summary>Cores to use; 0 for all. Ignored if <see cref="Device"/> is set.</summary>
    public int Threads { get; init; }

    /// <summary>Bytes of memory the process may use; half of them go to buffers.</summary>
    public long MemoryBudget { get; init; } = 512L << 20;

    /// <summary>The device that quantizes; null for the processor. The caller disposes it.</summary>
    public IQuantizationDevice? Device { get; init; }

    /// <summary>An earlier file: tensors that would get the same bytes are copied from it.</summary>
    /// <remarks>
    /// The record beside it, which <see cref="KeepReuseRecord"/> writes, says what each tensor was made from. All of the
    /// source is hashed and compared with it, and so are the tensor's bytes; a tensor that differs is quantized. Where the file
    /// is to be replaced, it is closed before.
    /// </remarks>
    public GgufFile? Reuse { get; init; }

    /// <summary>Writes beside the file, as <c>model-Q4_K_M.gguf.reuse</c>, the record that lets a later run <see cref="Reuse"/> it.</summary>
    public bool KeepReuseRecord { get; init; }

    /// <summary>Keeps an unfinished file when the work is cancelled or fails, and continues it next time.</summary>
    /// <remarks>
    /// Only complete tensors are kept, and only if their bytes still match the recorded hash. A lock keeps others from the unfinished
    /// file, so shards that several machines write are to be resumed only where locks reach from one to the other.
    /// </remarks>
    public bool Resume { get; init; }

    /// <summary>The file system, for tests; null for this platform's.</summary>
    internal IFileSystem? FileSystem { get; init; }

    /// <summary>The file system to use.</summary>
    internal IFileSystem EffectiveFileSystem => FileSystem ?? IO.FileSystem.Native;

    /// <summary>What reading, quantizing and writing are timed with, other than the system's clock in tests.</summary>
    internal TimeProvider Clock { get; init; } = TimeProvider.System;

    /// <summary>Bytes of memory for buffers.</summary>
    internal long BufferBudget => MemoryBudget / 2;

    /// <summary>Whether files replace the earlier one.</summary>
    internal bool ReplacesReused(IReadOnlyList<string> paths) =>
        Reuse is { } reuse && paths.Any(path => reuse.SourcePaths.Any(reusedPath => PathIdentity.AreSame(EffectiveFileSystem, reusedPath, path)));
}
