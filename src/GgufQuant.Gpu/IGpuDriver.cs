using System.Buffers;

namespace GgufQuant.Gpu;

/// <summary>One graphics card, which compiles kernels when they are first launched.</summary>
internal interface IGpuDriver : IDisposable
{
    /// <summary>The card's name.</summary>
    string Name { get; }

    /// <summary>Bytes of card memory free when it was opened; all of it if the driver does not say.</summary>
    long FreeMemory { get; }

    /// <summary>Number of queues worth using at a time: enough to keep copies both ways and kernels busy.</summary>
    int Queues { get; }

    /// <summary>Creates a queue of commands that run in order, concurrently with other queues.</summary>
    IGpuQueue CreateQueue();

    /// <summary>Host memory that the card reads and writes directly.</summary>
    /// <exception cref="GpuException">There is none left.</exception>
    IMemoryOwner<byte> AllocatePinned(int bytes);
}

/// <summary>A queue of commands for a card. All return at once except <see cref="Wait"/>; only one thread at a time may use a queue.</summary>
/// <remarks>Every member throws <see cref="GpuException"/> when the driver reports an error.</remarks>
internal interface IGpuQueue : IDisposable
{
    /// <summary>The tables of the card's kernels, shared by all its queues.</summary>
    KernelTables Tables { get; }

    /// <summary>Allocates card memory.</summary>
    nint Allocate(long bytes);

    /// <summary>Frees card memory.</summary>
    void Free(nint buffer);

    /// <summary>Copies to the card; the source must not change until <see cref="Wait"/> returns.</summary>
    unsafe void Upload(nint buffer, void* source, long bytes);

    /// <summary>Copies from the card; the destination is complete when <see cref="Wait"/> returns.</summary>
    unsafe void Download(void* destination, nint buffer, long bytes);

    /// <summary>Copies within the card, to measure its memory speed.</summary>
    void Copy(nint destination, nint source, long bytes);

    /// <summary>Runs a kernel with the arguments of common.cl.</summary>
    void Launch(Kernel kernel, KernelArguments arguments);

    /// <summary>Blocks until all commands so far are done; throws if one of them has failed.</summary>
    void Wait();
}

/// <summary>A driver reported an error.</summary>
/// <param name="message">What failed and what the driver said.</param>
public sealed class GpuException(string message) : Exception(message);
