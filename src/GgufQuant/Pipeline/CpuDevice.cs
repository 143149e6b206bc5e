using System.Buffers;
using System.Runtime.InteropServices;
using GgufQuant.Calibration;
using GgufQuant.Formats;
using GgufQuant.Simd;

namespace GgufQuant.Pipeline;

/// <summary>The processor's cores. A job runs on the calling thread as soon as a core is free.</summary>
public sealed class CpuDevice : IQuantizationDevice
{
    // A tile's floats stay in the core's own cache between being produced and being used. A multiple of every block.
    private const int TileWeights = 16 * 1024;

    private readonly SemaphoreSlim _cores;
    private readonly ThreadLocal<Memory<float>> _tiles = new();

    /// <param name="threads">Cores to use; 0 for all.</param>
    public CpuDevice(int threads = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(threads);
        Parallelism = threads == 0 ? Environment.ProcessorCount : threads;
        _cores = new(Parallelism);
    }

    /// <inheritdoc/>
    public string Name => NameOf(Parallelism);

    /// <inheritdoc/>
    public int Parallelism { get; }

    /// <summary>Whether a job would find a free core now.</summary>
    public bool HasIdleCore => _cores.CurrentCount > 0;

    /// <inheritdoc/>
    public int PreferredWeights => 256 * 1024;

    /// <summary>What the processor is called where this many of its threads are used.</summary>
    public static string NameOf(int threads) => threads == 1 ? "CPU, 1 thread" : $"CPU, {threads} threads";

    /// <inheritdoc/>
    public bool CanQuantize(GgmlType source, GgmlType target) =>
        BlockFormat.TryGet(target, out BlockFormat? made) && made.CanQuantize
        && BlockFormat.TryGet(source, out BlockFormat? read) && (read.IsQuantized || source is GgmlType.F32 or GgmlType.F16 or GgmlType.BF16);

    /// <inheritdoc/>
    public IMemoryOwner<byte> Allocate(int bytes) => MemoryPool<byte>.Shared.Rent(bytes);

    /// <inheritdoc/>
    public WeightFault? Quantize(QuantizationJob job, CancellationToken token)
    {
        _cores.Wait(token);
        try
        {
            return job.Factor is { } factor ? Round(job, factor, token) : QuantizeTiles(job, token);
        }
        finally
        {
            _cores.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _cores.Dispose();
        _tiles.Dispose();
    }

    private WeightFault? QuantizeTiles(QuantizationJob job, CancellationToken token)
    {
        BlockFormat source = BlockFormat.Of(job.SourceType);
        BlockFormat target = BlockFormat.Of(job.TargetType);
        long weights = job.Weights;
        // Without importance no format depends on rows, so a tile may end within one.
        bool keepsRows = !job.Importance.IsEmpty;
        int rowsPerTile = Math.Max(1, TileWeights / job.RowLength);
        int tileLength = (int)Math.Min(weights, keepsRows ? (long)rowsPerTile * job.RowLength : TileWeights);

        for (long start = 0; start < weights; start += tileLength)
        {
            token.ThrowIfCancellationRequested();
            int length = (int)Math.Min(tileLength, weights - start);
            ReadOnlySpan<byte> raw = job.Source.Span.Slice((int)source.ByteCount(start), (int)source.ByteCount(length));
            Span<byte> blocks = job.Destination.Span.Slice((int)target.ByteCount(start), (int)target.ByteCount(length));
            long invalid = BlockValidation.FindInvalid(source, raw);
            if (invalid >= 0)
                return new WeightFault(start + (invalid * source.BlockSize), IsInSource: true);
            try
            {
                target.Quantize(Floats(source, raw, length), keepsRows ? job.RowLength : length, job.Importance.Span, blocks);
            }
            catch (ArithmeticException)
            {
                return new WeightFault(start, IsInSource: false);
            }
            invalid = BlockValidation.FindInvalid(target, blocks);
            if (invalid >= 0)
                return new WeightFault(start + (invalid * target.BlockSize), IsInSource: false);
        }
        return null;
    }

    private static WeightFault? Round(QuantizationJob job, RoundingFactor factor, CancellationToken token)
    {
        BlockFormat source = BlockFormat.Of(job.SourceType);
        BlockFormat target = BlockFormat.Of(job.TargetType);
        long invalid = BlockValidation.FindInvalid(source, job.Source.Span);
        if (invalid >= 0)
            return new WeightFault(invalid * source.BlockSize, IsInSource: true);
        float[] weights = new float[job.Weights];
        source.Dequantize(job.Source.Span, weights);
        try
        {
            new MomentRounder(SegmentRounder.Find(job.TargetType)!, factor).Quantize(weights, job.Destination.Span, token);
        }
        catch (ArithmeticException)
        {
            return new WeightFault(0, IsInSource: false);
        }
        invalid = BlockValidation.FindInvalid(target, job.Destination.Span);
        return invalid < 0 ? null : new WeightFault(invalid * target.BlockSize, IsInSource: false);
    }

    private ReadOnlySpan<float> Floats(BlockFormat source, ReadOnlySpan<byte> raw, int length)
    {
        if (source.Type == GgmlType.F32)
            return MemoryMarshal.Cast<byte, float>(raw);
        if (_tiles.Value.Length < length)
            _tiles.Value = CacheLines.Allocate(Math.Max(length, TileWeights));
        Span<float> floats = _tiles.Value.Span[..length];
        source.Dequantize(raw, floats);
        return floats;
    }
}
