using System.Buffers;

namespace GgufQuant.Gpu;

/// <summary>One graphics card, which compiles kernels when they are first launched.</summary>
internal interface IGpuDriver : IDisposable
{
    /// <summary>The card's name.</summary>
    string Name { get; }

    /// <summary>Bytes of the card's memory that were free when it was opened; all of them where the driver does not tell.</summary>
    long FreeMemory { get; }

    /// <summary>Queues worth having at a time: as many as keep copies both ways and kernels busy.</summary>
    int Queues { get; }

    /// <summary>A line of commands that run in order, beside those of other lines.</summary>
    IGpuQueue CreateQueue();

    /// <summary>Memory of the host that the card reads and writes by itself.</summary>
    /// <exception cref="GpuException">There is none left.</exception>
    IMemoryOwner<byte> AllocatePinned(int bytes);
}

/// <summary>Commands for a card. All return at once except <see cref="Wait"/>; one thread at a time uses a queue.</summary>
/// <remarks>Every member throws <see cref="GpuException"/> when the driver reports an error.</remarks>
internal interface IGpuQueue : IDisposable
{
    /// <summary>The tables of the card's kernels, which all its queues share.</summary>
    KernelTables Tables { get; }

    /// <summary>Memory of the card.</summary>
    nint Allocate(long bytes);

    /// <summary>Gives memory of the card back.</summary>
    void Free(nint buffer);

    /// <summary>Copies to the card; the source must stay as it is until <see cref="Wait"/> returns.</summary>
    unsafe void Upload(nint buffer, void* source, long bytes);

    /// <summary>Copies from the card; the destination is whole when <see cref="Wait"/> returns.</summary>
    unsafe void Download(void* destination, nint buffer, long bytes);

    /// <summary>Copies within the card: what its memory's speed is measured by.</summary>
    void Copy(nint destination, nint source, long bytes);

    /// <summary>Runs a kernel of common.cl's arguments.</summary>
    void Launch(Kernel kernel, KernelArguments arguments);

    /// <summary>Blocks until all commands so far are done; that one of them has failed is an error too.</summary>
    void Wait();
}

/// <summary>A driver's refusal.</summary>
/// <param name="message">What was asked for and what the driver said.</param>
public sealed class GpuException(string message) : Exception(message);
