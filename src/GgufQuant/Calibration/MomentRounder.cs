using System.Runtime.InteropServices;
using GgufQuant.Formats;
using GgufQuant.Simd;

namespace GgufQuant.Calibration;

/// <summary>Quantizes rows so as to minimize the change of their products with the inputs rather than of the weights.</summary>
/// <remarks>
/// Scales come from ggml's search, run on each 256 columns after earlier errors have shifted their targets, with the moments'
/// diagonal as importance. Codes are chosen by error feedback (GPTQ), then by coordinate descent on eᵀHe. Rows are
/// independent, and every sum has a fixed order: the bytes depend neither on threads nor on the vector width.
/// </remarks>
internal sealed class MomentRounder
{
    private const int Segment = SuperBlock.Size;
    private const int Sweeps = 6;

    // The moments are streamed from memory once per this many rows.
    private const int BatchRows = 32;

    // Columns of a segment's moments that stay in the second-level cache while the rows of a batch are processed.
    private const int TileColumns = 256;

    private readonly SegmentRounder _rounder;
    private readonly RoundingFactor _factor;
    private readonly int _columns;
    private readonly float[] _targets;
    private readonly float[] _residuals;
    private readonly float[] _values;
    private readonly float[] _changes;
    private readonly ushort[] _codes;
    private readonly int[] _changedColumns;
    private readonly ArraySegment<float> _tile;
    private readonly float[] _search;
    private readonly byte[] _found;

    /// <param name="rounder">The format's rounder.</param>
    /// <param name="factor">The factorized moments.</param>
    public MomentRounder(SegmentRounder rounder, RoundingFactor factor)
    {
        _rounder = rounder;
        _factor = factor;
        _columns = factor.Columns;
        _targets = new float[BatchRows * _columns];
        _residuals = new float[BatchRows * _columns];
        _values = new float[BatchRows * _columns];
        _changes = new float[BatchRows * Segment];
        _codes = new ushort[BatchRows * _columns];
        _changedColumns = new int[BatchRows * Segment];
        _ = MemoryMarshal.TryGetArray<float>(CacheLines.Allocate(Segment * TileColumns), out _tile);
        _search = new float[BatchRows * Segment];
        _found = new byte[rounder.Format.ByteCount(BatchRows * Segment)];
    }

    /// <summary>Whether moments help a type.</summary>
    public static bool CanRound(GgmlType type) => SegmentRounder.Supports(type);

    /// <summary>Quantizes rows.</summary>
    /// <param name="weights">Whole rows of finite floats.</param>
    /// <param name="blocks">Receives the blocks, row by row.</param>
    /// <param name="token">Cancels it between two segments.</param>
    public void Quantize(ReadOnlySpan<float> weights, Span<byte> blocks, CancellationToken token)
    {
        int rowBytes = (int)_rounder.Format.ByteCount(_columns);
        for (int row = 0; row * _columns < weights.Length; row += BatchRows)
        {
            int rows = Math.Min(BatchRows, (weights.Length / _columns) - row);
            ReadOnlySpan<float> batch = weights.Slice(row * _columns, rows * _columns);
            Span<byte> batchBlocks = blocks.Slice(row * rowBytes, rows * rowBytes);
            batch.CopyTo(_targets);
            int first = 0;
            foreach (FeedbackFactor factor in _factor.Blocks)
            {
                FeedForward(batch, batchBlocks, rows, factor, first, token);
                Improve(batch, batchBlocks, rows, factor, first, token);
                first += factor.Size;
            }
        }
    }

    private void FeedForward(ReadOnlySpan<float> weights, Span<byte> blocks, int rows, FeedbackFactor factor, int first, CancellationToken token)
    {
        for (int start = 0; start < factor.Size; start += Segment)
        {
            token.ThrowIfCancellationRequested();
            int length = Math.Min(Segment, factor.Size - start);
            FindScales(blocks, rows, first + start, length);
            for (int row = 0; row < rows; row++)
                _rounder.FeedErrorsForward(At(weights, blocks, row, factor, first, start, length));

            // Later columns compensate for the errors of these.
            int end = start + length;
            for (int i = 0; i < rows * Segment; i++)
                _search[i] = -_changes[i];
            MatrixKernel.AddProduct(
                new(_search, 0, Segment), new(factor.Coefficients, (start * factor.Size) + end, factor.Size), new(_targets, first + end, _columns),
                rows, length, factor.Size - end);
        }
    }

    private void FindScales(Span<byte> blocks, int rows, int first, int length)
    {
        BlockFormat format = _rounder.Format;
        for (int row = 0; row < rows; row++)
            _targets.AsSpan((row * _columns) + first, length).CopyTo(_search.AsSpan(row * length));
        format.Quantize(_search.AsSpan(0, rows * length), length, _factor.Importance.AsSpan(first, length), _found);
        int bytes = (int)format.ByteCount(length);
        for (int row = 0; row < rows; row++)
            _found.AsSpan(row * bytes, bytes).CopyTo(blocks[(int)format.ByteCount((row * _columns) + first)..]);
    }

    private void Improve(ReadOnlySpan<float> weights, Span<byte> blocks, int rows, FeedbackFactor factor, int first, CancellationToken token)
    {
        // The targets are no longer needed, so their memory is reused for the errors.
        for (int row = 0; row < rows; row++)
        {
            int start = (row * _columns) + first;
            for (int i = start; i < start + factor.Size; i++)
                _targets[i] = _values[i] - weights[i];
            _residuals.AsSpan(start, factor.Size).Clear();
        }
        MatrixKernel.AddProduct(
            new(_targets, first, _columns), new(factor.Moments, 0, factor.Size), new(_residuals, first, _columns), rows, factor.Size, factor.Size);

        Span<bool> isOpen = stackalloc bool[BatchRows];
        isOpen[..rows].Fill(true);
        for (int sweep = 0; sweep < Sweeps && isOpen.Contains(true); sweep++)
            Sweep(weights, blocks, rows, factor, first, isOpen, token);

        for (int row = 0; row < rows; row++)
        {
            for (int start = 0; start < factor.Size; start += Segment)
                _rounder.WriteCodes(At(weights, blocks, row, factor, first, start, Math.Min(Segment, factor.Size - start)));
        }
    }

    private void Sweep(
        ReadOnlySpan<float> weights, Span<byte> blocks, int rows, FeedbackFactor factor, int first, Span<bool> isOpen, CancellationToken token)
    {
        Span<bool> isChanged = stackalloc bool[BatchRows];
        Span<bool> isSegmentChanged = stackalloc bool[BatchRows];
        isChanged.Clear();
        for (int start = 0; start < factor.Size; start += Segment)
        {
            token.ThrowIfCancellationRequested();
            int length = Math.Min(Segment, factor.Size - start);
            for (int row = 0; row < rows; row++)
            {
                isSegmentChanged[row] = isOpen[row] && _rounder.ImproveCodes(At(weights, blocks, row, factor, first, start, length));
                isChanged[row] |= isSegmentChanged[row];
            }
            UpdateResiduals(isSegmentChanged[..rows], factor, first, start, length);
        }
        isChanged.CopyTo(isOpen);
    }

    // Within the segment they are already up to date.
    private void UpdateResiduals(ReadOnlySpan<bool> isChanged, FeedbackFactor factor, int first, int start, int length)
    {
        Span<int> counts = stackalloc int[BatchRows];
        int total = 0;
        for (int row = 0; row < isChanged.Length; row++)
            total += counts[row] = isChanged[row] ? CompressChanges(row, length) : 0;
        foreach ((int from, int to) in (ReadOnlySpan<(int, int)>)[(0, start), (start + length, factor.Size)])
        {
            for (int column = from; column < to; column += TileColumns)
            {
                int width = Math.Min(TileColumns, to - column);
                MatrixView tile = new(factor.Moments, (start * factor.Size) + column, factor.Size);
                if (total > 2 * length)
                    tile = Pack(tile, length, width);
                for (int row = 0; row < isChanged.Length; row++)
                {
                    int at = row * Segment;
                    MatrixKernel.AddMultiples(
                        _changes.AsSpan(at, counts[row]), _changedColumns.AsSpan(at, counts[row]), tile, _residuals.AsSpan((row * _columns) + first + column, width));
                }
            }
        }
    }

    // Keeps those that are not zero, and their columns.
    private int CompressChanges(int row, int length)
    {
        int count = row * Segment;
        for (int i = 0; i < length; i++)
        {
            float change = _changes[(row * Segment) + i];
            _changes[count] = change;
            _changedColumns[count] = i;
            count += change != 0 ? 1 : 0;
        }
        return count - (row * Segment);
    }

    // Rows thousands of floats apart would evict each other from the cache.
    private MatrixView Pack(MatrixView tile, int rows, int width)
    {
        for (int row = 0; row < rows; row++)
            tile.Elements.AsSpan(tile.Offset + (row * tile.RowStride), width).CopyTo(_tile.AsSpan(row * width));
        return new(_tile.Array!, _tile.Offset, width);
    }

    private RowSegment At(ReadOnlySpan<float> weights, Span<byte> blocks, int row, FeedbackFactor factor, int first, int start, int length)
    {
        int at = (row * _columns) + first + start;
        return new()
        {
            First = start,
            Factor = factor,
            Weights = weights.Slice(at, length),
            Targets = _targets.AsSpan(at, length),
            Residuals = _residuals.AsSpan(at, length),
            Values = _values.AsSpan(at, length),
            Codes = _codes.AsSpan(at, length),
            Changes = _changes.AsSpan(row * Segment, length),
            Blocks = blocks.Slice((int)_rounder.Format.ByteCount(at), (int)_rounder.Format.ByteCount(length)),
        };
    }
}
