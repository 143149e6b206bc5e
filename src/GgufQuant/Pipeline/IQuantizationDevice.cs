using System.Buffers;
using GgufQuant.Calibration;
using GgufQuant.Formats;

namespace GgufQuant.Pipeline;

/// <summary>Quantizes rows of weights into blocks: the processor's cores, or a graphics card.</summary>
/// <remarks>
/// The pipeline hands over jobs in file order, from several threads at a time, and writes each job's blocks where they
/// belong; a device may finish jobs in any order. Every device produces the same bytes.
/// </remarks>
public interface IQuantizationDevice : IDisposable
{
    /// <summary>The device's name, for results and messages.</summary>
    string Name { get; }

    /// <summary>Number of jobs it can run at the same time.</summary>
    int Parallelism { get; }

    /// <summary>Number of weights per job at which the device is efficient.</summary>
    int PreferredWeights { get; }

    /// <summary>Number of jobs of that size that keep the device busy: memory goes to them first, then to more jobs at a time.</summary>
    int PreferredJobs => Parallelism;

    /// <summary>Whether it can quantize from this source type to this target type.</summary>
    bool CanQuantize(GgmlType source, GgmlType target);

    /// <summary>Host memory that the device reads and writes directly.</summary>
    IMemoryOwner<byte> Allocate(int bytes);

    /// <summary>Quantizes the rows of one job, blocking the calling thread until a core or the card is free and the job is done.</summary>
    /// <returns>The first weight that cannot be quantized, or null.</returns>
    /// <exception cref="OperationCanceledException">The token was signalled.</exception>
    WeightFault? Quantize(QuantizationJob job, CancellationToken token);
}

/// <summary>Whole rows of one matrix, or part of a row if it is too long for a job and no importance is given.</summary>
/// <param name="SourceType">The type of <paramref name="Source"/>.</param>
/// <param name="TargetType">The type of <paramref name="Destination"/>.</param>
/// <param name="RowLength">Weights per row, a multiple of both types' blocks.</param>
/// <param name="Rows">Number of rows.</param>
/// <param name="Importance">One factor per column, or empty.</param>
/// <param name="Source">The rows as stored in the source, little-endian.</param>
/// <param name="Destination">Receives the blocks; exactly as long as they are.</param>
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

    /// <summary>Some of the job's rows as a separate job in the same memory.</summary>
    /// <param name="firstRow">The first of the rows.</param>
    /// <param name="rows">Number of rows.</param>
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
/// <param name="Weight">Its index in the job, or that of the first weight in its block.</param>
/// <param name="IsInSource">Whether the source holds a non-finite value; if not, the target type cannot represent the weight.</param>
public sealed record WeightFault(long Weight, bool IsInSource);
