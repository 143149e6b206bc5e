using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using GgufQuant.Formats;

namespace GgufQuant.Calibration;

/// <summary>Rounds to points of a grid with free signs, group by group: error feedback, then descent over groups.</summary>
internal sealed class GridRounder<TFormat> : SegmentRounder
    where TFormat : struct, IGridFormat
{
    // Points nearest to the target by the diagonal alone, of which the whole quadratic form then chooses.
    private const int Candidates = 12;
    private const int Lanes = 16;
    private const int MostDimensions = 8;

    private readonly GridCodec _codec;
    private readonly int _dimensions;
    private readonly int _points;

    // The magnitudes of a digit in all points, digit after digit.
    private readonly float[] _magnitudes;

    public GridRounder(GridCodec codec)
    {
        _codec = codec;
        _dimensions = codec.Grid.Dimensions;
        _points = codec.Grid.Points.Length;
        _magnitudes = new float[_dimensions * _points];
        for (int digit = 0; digit < _dimensions; digit++)
        {
            for (int point = 0; point < _points; point++)
                _magnitudes[(digit * _points) + point] = codec.Magnitudes[codec.Grid.Digit(codec.Grid.Points[point], digit)];
        }
    }

    public override BlockFormat Format { get; } = BlockFormat.Of(TFormat.Type);

    [SkipLocalsInit]
    public override void FeedErrorsForward(RowSegment segment)
    {
        Span<float> scales = stackalloc float[segment.Length / TFormat.ScaleRun];
        ReadScales(segment, scales);
        Span<float> costs = stackalloc float[MostDimensions];
        Span<float> values = stackalloc float[MostDimensions];
        Span<float> best = stackalloc float[MostDimensions];
        Span<int> nearest = stackalloc int[Candidates];
        Span<float> coefficients = stackalloc float[MostDimensions * MostDimensions];
        for (int start = 0; start < segment.Length; start += _dimensions)
        {
            for (int i = 0; i < _dimensions; i++)
                segment.CoefficientsOf(start + i).Slice(start, _dimensions).CopyTo(coefficients[(i * _dimensions)..]);
            ReadOnlySpan<float> weights = segment.Weights.Slice(start, _dimensions);
            float scale = Math.Abs(scales[start / TFormat.ScaleRun]);
            Span<float> targets = segment.Targets.Slice(start, _dimensions);
            segment.Factor.Variances.AsSpan(segment.First + start, _dimensions).CopyTo(costs);
            FindNearest(targets, costs, scale, nearest);
            double least = double.PositiveInfinity;
            foreach (int point in nearest)
            {
                Place(point, scale, targets, values);
                double cost = CostOf(weights, targets, values, costs, coefficients);
                if (cost >= least)
                    continue;
                least = cost;
                segment.Codes[start] = (ushort)point;
                values.CopyTo(best);
            }
            for (int i = start; i < start + _dimensions; i++)
            {
                float value = best[i - start];
                segment.Values[i] = value;
                float error = value - segment.Weights[i];
                segment.Changes[i] = error;
                MatrixKernel.AddMultiple(-error, segment.CoefficientsOf(i)[(i + 1)..], segment.Targets[(i + 1)..]);
            }
        }
    }

    [SkipLocalsInit]
    public override bool ImproveCodes(RowSegment segment)
    {
        Span<float> scales = stackalloc float[segment.Length / TFormat.ScaleRun];
        ReadScales(segment, scales);
        Span<float> costs = stackalloc float[MostDimensions];
        Span<float> targets = stackalloc float[_dimensions];
        Span<float> values = stackalloc float[MostDimensions];
        Span<float> changes = stackalloc float[MostDimensions];
        Span<float> best = stackalloc float[MostDimensions];
        Span<int> nearest = stackalloc int[Candidates];
        Span<float> moments = stackalloc float[MostDimensions * MostDimensions];
        segment.Changes.Clear();
        bool isChanged = false;
        for (int start = 0; start < segment.Length; start += _dimensions)
        {
            float scale = Math.Abs(scales[start / TFormat.ScaleRun]);
            for (int i = 0; i < _dimensions; i++)
            {
                segment.MomentsOf(start + i).Slice(start, _dimensions).CopyTo(moments[(i * _dimensions)..]);
                costs[i] = moments[(i * _dimensions) + i];
                targets[i] = segment.Values[start + i] - (segment.Residuals[start + i] / costs[i]);
            }
            FindNearest(targets, costs, scale, nearest);
            double least = 0;
            int chosen = -1;
            foreach (int point in nearest)
            {
                Place(point, scale, targets, values);
                for (int i = 0; i < _dimensions; i++)
                    changes[i] = values[i] - segment.Values[start + i];
                double gain = GainOf(segment.Residuals.Slice(start, _dimensions), moments, changes);
                if (gain >= least)
                    continue;
                least = gain;
                chosen = point;
                changes.CopyTo(best);
            }
            if (chosen < 0)
                continue;
            isChanged = true;
            segment.Codes[start] = (ushort)chosen;
            Place(chosen, scale, targets, values);
            for (int i = start; i < start + _dimensions; i++)
            {
                float change = best[i - start];
                if (change == 0)
                    continue;
                segment.Values[i] = values[i - start];
                segment.Changes[i] = change;
                MatrixKernel.AddMultiple(change, segment.MomentsOf(i), segment.Residuals);
            }
        }
        return isChanged;
    }

    [SkipLocalsInit]
    public override void WriteCodes(RowSegment segment)
    {
        Span<float> scales = stackalloc float[segment.Length / TFormat.ScaleRun];
        ReadScales(segment, scales);
        Span<int> points = stackalloc int[Format.BlockSize / _dimensions];
        Span<byte> signs = stackalloc byte[Format.BlockSize / 8];
        for (int start = 0, block = 0; start < segment.Length; start += Format.BlockSize, block += Format.BlockBytes)
        {
            signs.Clear();
            for (int i = 0; i < Format.BlockSize; i++)
            {
                bool isNegative = segment.Values[start + i] < 0 != scales[(start + i) / TFormat.ScaleRun] < 0;
                signs[i / 8] |= (byte)((isNegative ? 1 : 0) << (i % 8));
            }
            for (int k = 0; k < points.Length; k++)
                points[k] = segment.Codes[start + (k * _dimensions)];
            _codec.Write(points, signs, segment.Blocks.Slice(block, Format.BlockBytes));
        }
    }

    private void ReadScales(RowSegment segment, Span<float> scales)
    {
        Span<ulong> levels = stackalloc ulong[SuperBlock.Size / sizeof(ulong)];
        int count = Format.BlockSize / TFormat.ScaleRun;
        for (int start = 0, block = 0; start < scales.Length; start += count, block += Format.BlockBytes)
            TFormat.Unpack(segment.Blocks.Slice(block, Format.BlockBytes), levels, scales.Slice(start, count));
    }

    // The point's magnitudes with the targets' signs.
    private void Place(int point, float scale, ReadOnlySpan<float> targets, Span<float> values)
    {
        for (int i = 0; i < targets.Length; i++)
        {
            float value = scale * _magnitudes[(i * _points) + point];
            values[i] = targets[i] < 0 ? -value : value;
        }
    }

    // The error that the columns after the group cannot compensate.
    private static double CostOf(
        ReadOnlySpan<float> weights, ReadOnlySpan<float> targets, ReadOnlySpan<float> values, ReadOnlySpan<float> variances, ReadOnlySpan<float> coefficients)
    {
        double cost = 0;
        for (int i = 0; i < targets.Length; i++)
        {
            double miss = values[i] - targets[i];
            for (int before = 0; before < i; before++)
                miss += (double)coefficients[(before * targets.Length) + i] * (values[before] - weights[before]);
            cost += variances[i] * miss * miss;
        }
        return cost;
    }

    // What changes add to the row's error; negative where they lower it.
    private static double GainOf(ReadOnlySpan<float> residuals, ReadOnlySpan<float> moments, ReadOnlySpan<float> changes)
    {
        double gain = 0;
        for (int i = 0; i < residuals.Length; i++)
        {
            double slope = 2.0 * residuals[i];
            for (int j = 0; j < residuals.Length; j++)
                slope += (double)moments[(i * residuals.Length) + j] * changes[j];
            gain += changes[i] * slope;
        }
        return gain;
    }

    // Sorted by distance; ties keep their order.
    private void FindNearest(ReadOnlySpan<float> targets, ReadOnlySpan<float> costs, float scale, Span<int> nearest)
    {
        Span<float> distances = stackalloc float[Candidates];
        Span<Vector512<float>> negated = stackalloc Vector512<float>[targets.Length];
        Span<Vector512<float>> weighed = stackalloc Vector512<float>[targets.Length];
        for (int i = 0; i < targets.Length; i++)
        {
            negated[i] = Vector512.Create(-Math.Abs(targets[i]));
            weighed[i] = Vector512.Create(costs[i]);
        }
        distances.Fill(float.PositiveInfinity);
        nearest.Clear();
        Vector512<float> scales = Vector512.Create(scale);
        for (int first = 0; first < _points; first += Lanes)
        {
            Vector512<float> distance = Vector512<float>.Zero;
            ref float magnitudes = ref _magnitudes[first];
            for (int i = 0; i < negated.Length; i++)
            {
                Vector512<float> miss = Vector512.FusedMultiplyAdd(scales, Vector512.LoadUnsafe(ref magnitudes, (nuint)(i * _points)), negated[i]);
                distance = Vector512.FusedMultiplyAdd(weighed[i] * miss, miss, distance);
            }
            ulong closer = Vector512.LessThan(distance, Vector512.Create(distances[^1])).ExtractMostSignificantBits();
            for (; closer != 0; closer &= closer - 1)
            {
                int lane = BitOperations.TrailingZeroCount(closer);
                Insert(distance[lane], first + lane, distances, nearest);
            }
        }
    }

    private static void Insert(float distance, int point, Span<float> distances, Span<int> nearest)
    {
        if (!(distance < distances[^1]))
            return;
        int place = distances.Length - 1;
        for (; place > 0 && distances[place - 1] > distance; place--)
        {
            distances[place] = distances[place - 1];
            nearest[place] = nearest[place - 1];
        }
        distances[place] = distance;
        nearest[place] = point;
    }
}
