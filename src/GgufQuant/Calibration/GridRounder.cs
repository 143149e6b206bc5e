using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using GgufQuant.Formats;

namespace GgufQuant.Calibration;

/// <summary>Rounds to points of a grid with a sign per weight, group by group: error feedback, then coordinate descent.</summary>
internal sealed class GridRounder<TFormat> : SegmentRounder
    where TFormat : struct, IGridFormat
{
    private const int Lanes = 16;
    private const int PointsAtOnce = 16;

    private readonly GridCodec _codec;
    private readonly GridSearch _search;
    private readonly int _dimensions;

    // Every point's magnitudes, one byte per digit.
    private readonly ulong[] _magnitudes;

    public GridRounder(GridCodec codec)
    {
        _codec = codec;
        _search = new(codec.Grid, codec.Magnitudes);
        _dimensions = codec.Grid.Dimensions;
        _magnitudes = codec.Grid.Expand(codec.Magnitudes);
    }

    public override BlockFormat Format { get; } = BlockFormat.Of(TFormat.Type);

    [SkipLocalsInit]
    public override void FeedErrorsForward(RowSegment segment)
    {
        Span<float> scales = stackalloc float[segment.Length / TFormat.ScaleRun];
        ReadScales(segment, scales);
        Span<int> found = stackalloc int[_search.Room];
        Span<float> distances = stackalloc float[_search.Room];
        Span<float> values = stackalloc float[_dimensions];
        for (int start = 0; start < segment.Length; start += _dimensions)
        {
            float scale = Math.Abs(scales[start / TFormat.ScaleRun]);
            Span<float> targets = segment.Targets.Slice(start, _dimensions);
            int count = _search.Find(targets, segment.Factor.Variances.AsSpan(segment.First + start, _dimensions), scale, found, distances);
            int chosen = Choose<CostOfErrors>(segment, start, targets, scale, found[..count], distances[..GridSearch.Padded(count)], double.PositiveInfinity);
            // If no cost is finite, any point will do.
            int point = chosen < 0 ? 0 : found[chosen];
            segment.Codes[start] = (ushort)point;
            Scale(point, scale, targets, values);
            for (int i = start; i < start + _dimensions; i++)
            {
                float value = values[i - start];
                segment.Values[i] = value;
                float error = value - segment.Weights[i];
                segment.Changes[i] = error;
                // From the vector with the next target: earlier targets are no longer needed.
                int next = (start + _dimensions) / Lanes * Lanes;
                MatrixKernel.AddMultiple(-error, segment.CoefficientsOf(i)[next..], segment.Targets[next..]);
            }
        }
    }

    [SkipLocalsInit]
    public override bool ImproveCodes(RowSegment segment)
    {
        Span<float> scales = stackalloc float[segment.Length / TFormat.ScaleRun];
        ReadScales(segment, scales);
        Span<float> targets = stackalloc float[_dimensions];
        Span<int> found = stackalloc int[_search.Room];
        Span<float> distances = stackalloc float[_search.Room];
        Span<float> values = stackalloc float[_dimensions];
        segment.Changes.Clear();
        bool isChanged = false;
        for (int start = 0; start < segment.Length; start += _dimensions)
        {
            float scale = Math.Abs(scales[start / TFormat.ScaleRun]);
            ReadOnlySpan<float> squares = segment.Factor.Squares.AsSpan(segment.First + start, _dimensions);
            for (int i = 0; i < _dimensions; i++)
                targets[i] = segment.Values[start + i] - (segment.Residuals[start + i] / squares[i]);
            int count = _search.Find(targets, squares, scale, found, distances);
            int chosen = Choose<GainOfChanges>(segment, start, targets, scale, found[..count], distances[..GridSearch.Padded(count)], 0);
            if (chosen < 0)
                continue;
            isChanged = true;
            segment.Codes[start] = (ushort)found[chosen];
            Scale(found[chosen], scale, targets, values);
            for (int i = start; i < start + _dimensions; i++)
            {
                float change = values[i - start] - segment.Values[i];
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

    // Of the nearest points, the index of the one with the least value below a limit, or the nearest of equals; -1 if there is none.
    [SkipLocalsInit]
    private int Choose<TMeasure>(
        RowSegment segment, int start, ReadOnlySpan<float> targets, float scale, ReadOnlySpan<int> points, ReadOnlySpan<float> distances, double limit)
        where TMeasure : struct, IMeasure
    {
        Span<Vector512<float>> values = stackalloc Vector512<float>[targets.Length];
        Span<double> lanes = stackalloc double[PointsAtOnce];
        int chosen = -1;
        for (int first = 0; first < points.Length; first += PointsAtOnce)
        {
            ReadOnlySpan<int> batch = points.Slice(first, Math.Min(PointsAtOnce, points.Length - first));
            Scale(batch, scale, targets, values);
            if (TMeasure.NoneIsNegative(segment, start, values))
                continue;
            Vector512<double> upper = TMeasure.Of(segment, start, values, out Vector512<double> lower);
            lower.CopyTo(lanes);
            upper.CopyTo(lanes[Vector512<double>.Count..]);
            for (int lane = 0; lane < batch.Length; lane++)
            {
                int index = first + lane;
                bool isLess = lanes[lane] < limit || (lanes[lane] == limit && chosen >= 0 && distances[index] < distances[chosen]);
                if (!isLess || !GridSearch.IsNearest(distances, index))
                    continue;
                limit = lanes[lane];
                chosen = index;
            }
        }
        return chosen;
    }

    // The point's magnitudes with the targets' signs.
    private void Scale(int point, float scale, ReadOnlySpan<float> targets, Span<float> values)
    {
        for (int i = 0; i < values.Length; i++)
            values[i] = (targets[i] < 0 ? -scale : scale) * (byte)(_magnitudes[point] >> (8 * i));
    }

    // The same with one point per lane; lanes without a point repeat the first.
    [SkipLocalsInit]
    private void Scale(ReadOnlySpan<int> points, float scale, ReadOnlySpan<float> targets, Span<Vector512<float>> values)
    {
        Span<int> digits = stackalloc int[2 * PointsAtOnce];
        for (int lane = 0; lane < PointsAtOnce; lane++)
        {
            ulong magnitudes = _magnitudes[points[lane < points.Length ? lane : 0]];
            digits[lane] = (int)magnitudes;
            digits[PointsAtOnce + lane] = (int)(magnitudes >> 32);
        }
        for (int i = 0; i < values.Length; i++)
        {
            Vector512<int> packed = Vector512.Create<int>(digits.Slice(i / sizeof(int) * PointsAtOnce, PointsAtOnce));
            Vector512<int> magnitudes = (packed >> (i % sizeof(int) * 8)) & Vector512.Create(255);
            values[i] = Vector512.Create(targets[i] < 0 ? -scale : scale) * Vector512.ConvertToSingle(magnitudes);
        }
    }

    /// <summary>The cost of points, one per lane.</summary>
    private interface IMeasure
    {
        /// <summary>Whether no lane can be chosen, because its cost would have to be negative and certainly is not.</summary>
        static abstract bool NoneIsNegative(RowSegment segment, int start, ReadOnlySpan<Vector512<float>> values);

        /// <summary>The costs: of the upper half of the lanes, and of the lower.</summary>
        static abstract Vector512<double> Of(RowSegment segment, int start, ReadOnlySpan<Vector512<float>> values, out Vector512<double> lower);
    }

    /// <summary>The errors that columns after the group cannot compensate.</summary>
    private readonly struct CostOfErrors : IMeasure
    {
        // The least cost is chosen, negative or not.
        public static bool NoneIsNegative(RowSegment segment, int start, ReadOnlySpan<Vector512<float>> values) => false;

        [SkipLocalsInit]
        public static Vector512<double> Of(RowSegment segment, int start, ReadOnlySpan<Vector512<float>> values, out Vector512<double> lower)
        {
            Span<Vector512<double>> lowerErrors = stackalloc Vector512<double>[values.Length];
            Span<Vector512<double>> upperErrors = stackalloc Vector512<double>[values.Length];
            Vector512<double> lowerCosts = Vector512<double>.Zero;
            Vector512<double> upperCosts = lowerCosts;
            for (int i = 0; i < values.Length; i++)
            {
                (lowerErrors[i], upperErrors[i]) = Vector512.Widen(values[i] - Vector512.Create(segment.Weights[start + i]));
                (Vector512<double> lowerMisses, Vector512<double> upperMisses) = Vector512.Widen(values[i] - Vector512.Create(segment.Targets[start + i]));
                for (int before = 0; before < i; before++)
                {
                    Vector512<double> coefficient = Vector512.Create((double)segment.CoefficientsOf(start + before)[start + i]);
                    lowerMisses += coefficient * lowerErrors[before];
                    upperMisses += coefficient * upperErrors[before];
                }
                Vector512<double> variance = Vector512.Create((double)segment.Factor.Variances[segment.First + start + i]);
                lowerCosts += variance * lowerMisses * lowerMisses;
                upperCosts += variance * upperMisses * upperMisses;
            }
            lower = lowerCosts;
            return upperCosts;
        }
    }

    /// <summary>What a change adds to the row's error; negative if it lowers it.</summary>
    private readonly struct GainOfChanges : IMeasure
    {
        // Twenty roundings, each by at most half a unit in the last place of the sum of magnitudes.
        private const float SurelyGreater = 4e-6f;
        private const float FarFromDenormal = 1e-30f;

        // Most groups are at their best point already, and single precision suffices to tell. Its error is bounded by the sum
        // of all terms' magnitudes, Σ 2·|residualᵢ · changeᵢ| + Σ |momentᵢⱼ · changeᵢ · changeⱼ|, with the greatest moment,
        // one of the diagonal, for all. The present point changes nothing and gains nothing.
        [SkipLocalsInit]
        public static bool NoneIsNegative(RowSegment segment, int start, ReadOnlySpan<Vector512<float>> values)
        {
            Span<Vector512<float>> changes = stackalloc Vector512<float>[values.Length];
            Vector512<float> sum = Vector512<float>.Zero;
            Vector512<float> bound = sum;
            for (int i = 0; i < values.Length; i++)
            {
                changes[i] = values[i] - Vector512.Create(segment.Values[start + i]);
                Vector512<float> magnitude = Vector512.Abs(changes[i]);
                sum += magnitude;
                bound += magnitude * Vector512.Create(2 * Math.Abs(segment.Residuals[start + i]));
            }
            Vector512<float> gains = Vector512<float>.Zero;
            float greatest = 0;
            for (int i = 0; i < values.Length; i++)
            {
                ReadOnlySpan<float> moments = segment.MomentsOf(start + i).Slice(start, values.Length);
                Vector512<float> slopes = Vector512.Create(2 * segment.Residuals[start + i]);
                for (int j = 0; j < moments.Length; j++)
                    slopes = Vector512.FusedMultiplyAdd(Vector512.Create(moments[j]), changes[j], slopes);
                greatest = Math.Max(greatest, moments[i]);
                gains += changes[i] * slopes;
            }
            bound += sum * sum * Vector512.Create(greatest);
            Vector512<float> least = gains - (bound * Vector512.Create(SurelyGreater)) - Vector512.Create(FarFromDenormal);
            return (Vector512.GreaterThan(least, Vector512<float>.Zero) | Vector512.Equals(sum, Vector512<float>.Zero)).AsInt32() == Vector512<int>.AllBitsSet;
        }

        [SkipLocalsInit]
        public static Vector512<double> Of(RowSegment segment, int start, ReadOnlySpan<Vector512<float>> values, out Vector512<double> lower)
        {
            Span<Vector512<double>> lowerChanges = stackalloc Vector512<double>[values.Length];
            Span<Vector512<double>> upperChanges = stackalloc Vector512<double>[values.Length];
            for (int i = 0; i < values.Length; i++)
                (lowerChanges[i], upperChanges[i]) = Vector512.Widen(values[i] - Vector512.Create(segment.Values[start + i]));
            Vector512<double> lowerGains = Vector512<double>.Zero;
            Vector512<double> upperGains = lowerGains;
            for (int i = 0; i < values.Length; i++)
            {
                ReadOnlySpan<float> moments = segment.MomentsOf(start + i).Slice(start, values.Length);
                Vector512<double> lowerSlopes = Vector512.Create(2.0 * segment.Residuals[start + i]);
                Vector512<double> upperSlopes = lowerSlopes;
                for (int j = 0; j < moments.Length; j++)
                {
                    Vector512<double> moment = Vector512.Create((double)moments[j]);
                    lowerSlopes += moment * lowerChanges[j];
                    upperSlopes += moment * upperChanges[j];
                }
                lowerGains += lowerChanges[i] * lowerSlopes;
                upperGains += upperChanges[i] * upperSlopes;
            }
            lower = lowerGains;
            return upperGains;
        }
    }
}
