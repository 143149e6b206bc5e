using System.Buffers;
using GgufQuant.Calibration;
using GgufQuant.Formats;

namespace GgufQuant.Pipeline;

/// <summary>What turns rows of weights into blocks: the processor's cores, or a graphics card.</summary>
/// <remarks>
/// The pipeline hands over jobs in the order of the file, from several threads at a time, and writes each job's blocks
/// where they belong; a device may finish jobs in any order. Every device makes the same bytes.
/// </remarks>
public interface IQuantizationDevice : IDisposable
{
    /// <summary>What the device is, for results and messages.</summary>
    string Name { get; }

    /// <summary>Jobs it can work on at the same time.</summary>
    int Parallelism { get; }

    /// <summary>Weights per job at which the device works well.</summary>
    int PreferredWeights { get; }

    /// <summary>Jobs of that size that keep the device busy: memory goes to them first, then to more jobs at a time.</summary>
    int PreferredJobs => Parallelism;

    /// <summary>Whether it can make this type out of that one.</summary>
    bool CanQuantize(GgmlType source, GgmlType target);

    /// <summary>Memory of the host that the device reads and writes without a detour.</summary>
    IMemoryOwner<byte> Allocate(int bytes);

    /// <summary>Quantizes the rows of one job on the calling thread's time, waiting for a core or the card if need be.</summary>
    /// <returns>The first weight that cannot be quantized, or null.</returns>
    /// <exception cref="OperationCanceledException">The token was signalled.</exception>
    WeightFault? Quantize(QuantizationJob job, CancellationToken token);
}

/// <summary>Whole rows of one matrix, or where a row is too long for a job and no importance is given, a part of one.</summary>
/// <param name="SourceType">The type of <paramref name="Source"/>.</param>
/// <param name="TargetType">The type of <paramref name="Destination"/>.</param>
/// <param name="RowLength">Weights per row, a multiple of both types' blocks.</param>
/// <param name="Rows">How many rows.</param>
/// <param name="Importance">One factor per column, or empty.</param>
/// <param name="Source">The rows as they stand in the source, little-endian.</param>
/// <param name="Destination">Takes the blocks; exactly as long as they are.</param>
public sealed record QuantizationJob(
    GgmlType SourceType,
    GgmlType TargetType,
    int RowLength,
    int Rows,
    ReadOnlyMemory<float> Importance,
    ReadOnlyMemory<byte> Source,
    Memory<byte> Destination)
{
    /// <summary>Weights in the job.</summary>
    public long Weights => (long)RowLength * Rows;

    /// <summary>The factorized moments of the input, to round with; null to quantize as ggml does.</summary>
    internal RoundingFactor? Factor { get; init; }

    /// <summary>Some of the job's rows as a job of their own, in the same memory.</summary>
    /// <param name="firstRow">The first of the rows.</param>
    /// <param name="rows">How many.</param>
    public QuantizationJob Slice(int firstRow, int rows)
    {
        BlockFormat source = BlockFormat.Of(SourceType);
        BlockFormat target = BlockFormat.Of(TargetType);
        long first = (long)firstRow * RowLength;
        long weights = (long)rows * RowLength;
        return this with
        {
            Rows = rows,
            Source = Source.Slice((int)source.ByteCount(first), (int)source.ByteCount(weights)),
            Destination = Destination.Slice((int)target.ByteCount(first), (int)target.ByteCount(weights)),
        };
    }
}

/// <summary>A weight that cannot be quantized.</summary>
/// <param name="Weight">Its place in the job, or that of the first weight of its block.</param>
/// <param name="IsInSource">Whether the source holds a value that is not finite; else the target type cannot hold the weight.</param>
public sealed record WeightFault(long Weight, bool IsInSource);
