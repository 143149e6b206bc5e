using GgufQuant.Calibration;
using GgufQuant.Formats;

namespace GgufQuant.Tests.Calibration;

/// <summary>Rounding with moments as scalar loops: what <see cref="MomentRounder"/> must give bit by bit.</summary>
internal sealed class ScalarRounding
{
    private const int Segment = 256;
    private const int Sweeps = 6;

    private readonly FeedbackFactor _factor;
    private readonly float[] _weights;
    private readonly float[] _targets;
    private readonly float[] _values;
    private readonly float[] _residuals;
    private readonly int[] _codes;

    private ScalarRounding(FeedbackFactor factor, float[] weights)
    {
        _factor = factor;
        _weights = weights;
        _targets = [.. weights];
        _values = new float[weights.Length];
        _residuals = new float[weights.Length];
        _codes = new int[weights.Length];
    }

    /// <summary>Rounds one row.</summary>
    public static byte[] Round(GgmlType type, float[] row, RoundingFactor factor)
    {
        ScalarRounding rounding = new(Assert.Single(factor.Blocks), row);
        BlockFormat format = BlockFormat.Of(type);
        byte[] blocks = new byte[format.ByteCount(row.Length)];
        ScalarCodes codes = ScalarCodes.Of(type);
        for (int start = 0; start < row.Length; start += Segment)
        {
            int end = Math.Min(row.Length, start + Segment);
            Span<byte> segment = blocks.AsSpan((int)format.ByteCount(start), (int)format.ByteCount(end - start));
            format.Quantize(rounding._targets.AsSpan(start, end - start), end - start, factor.Importance.AsSpan(start, end - start), segment);
            codes.ReadScales(segment);
            for (int first = start; first < end; first += codes.Dimensions)
                rounding.FeedForward(codes, first, first - start);
        }
        rounding.Improve(codes, format, blocks);
        for (int start = 0; start < row.Length; start += Segment)
        {
            int end = Math.Min(row.Length, start + Segment);
            Span<byte> segment = blocks.AsSpan((int)format.ByteCount(start), (int)format.ByteCount(end - start));
            codes.ReadScales(segment);
            codes.Write(rounding._codes.AsSpan(start, end - start), rounding._values.AsSpan(start, end - start), segment);
        }
        return blocks;
    }

    private void FeedForward(ScalarCodes codes, int first, int position)
    {
        int count = codes.Dimensions;
        codes.Choose(position, _targets.AsSpan(first, count), _factor.Variances.AsSpan(first, count), values => CostOf(first, values), double.PositiveInfinity, _codes.AsSpan(first, count), _values.AsSpan(first, count));
        for (int i = first; i < first + count; i++)
        {
            float error = _values[i] - _weights[i];
            for (int j = i + 1; j < _weights.Length; j++)
                _targets[j] = MathF.FusedMultiplyAdd(-error, _factor.Coefficients[(i * _factor.Size) + j], _targets[j]);
        }
    }

    private void Improve(ScalarCodes codes, BlockFormat format, byte[] blocks)
    {
        for (int j = 0; j < _weights.Length; j++)
        {
            for (int i = 0; i < _weights.Length; i++)
                _residuals[j] = MathF.FusedMultiplyAdd(_values[i] - _weights[i], Moment(i, j), _residuals[j]);
        }
        bool isChanged = true;
        for (int sweep = 0; sweep < Sweeps && isChanged; sweep++)
        {
            isChanged = false;
            for (int start = 0; start < _weights.Length; start += Segment)
            {
                int end = Math.Min(_weights.Length, start + Segment);
                codes.ReadScales(blocks.AsSpan((int)format.ByteCount(start), (int)format.ByteCount(end - start)));
                for (int first = start; first < end; first += codes.Dimensions)
                    isChanged |= Improve(codes, first, first - start);
            }
        }
    }

    private bool Improve(ScalarCodes codes, int first, int position)
    {
        int count = codes.Dimensions;
        float[] targets = new float[count];
        float[] squares = new float[count];
        for (int i = 0; i < count; i++)
        {
            squares[i] = Moment(first + i, first + i);
            targets[i] = _values[first + i] - (_residuals[first + i] / squares[i]);
        }
        float[] values = new float[count];
        if (!codes.Choose(position, targets, squares, values => GainOf(first, values), 0, _codes.AsSpan(first, count), values))
            return false;
        for (int i = first; i < first + count; i++)
        {
            float change = values[i - first] - _values[i];
            _values[i] = values[i - first];
            for (int j = 0; j < _weights.Length && change != 0; j++)
                _residuals[j] = MathF.FusedMultiplyAdd(change, Moment(i, j), _residuals[j]);
        }
        return true;
    }

    private double CostOf(int first, float[] values)
    {
        double cost = 0;
        for (int i = 0; i < values.Length; i++)
        {
            double miss = values[i] - _targets[first + i];
            for (int before = 0; before < i; before++)
                miss += (double)_factor.Coefficients[((first + before) * _factor.Size) + first + i] * (values[before] - _weights[first + before]);
            cost += _factor.Variances[first + i] * miss * miss;
        }
        return cost;
    }

    private double GainOf(int first, float[] values)
    {
        // One weight by itself is tried in single precision.
        if (values.Length == 1)
        {
            float step = values[0] - _values[first];
            return step * ((2 * _residuals[first]) + (step * Moment(first, first)));
        }
        double gain = 0;
        for (int i = 0; i < values.Length; i++)
        {
            double slope = 2.0 * _residuals[first + i];
            for (int j = 0; j < values.Length; j++)
                slope += (double)Moment(first + i, first + j) * (values[j] - _values[first + j]);
            gain += (values[i] - _values[first + i]) * slope;
        }
        return gain;
    }

    private float Moment(int i, int j) => _factor.Moments[(i * _factor.Size) + j];
}

/// <summary>The codes of a format, one weight or one group after the other.</summary>
internal abstract class ScalarCodes
{
    /// <summary>Weights per code.</summary>
    public abstract int Dimensions { get; }

    public static ScalarCodes Of(GgmlType type) => type switch
    {
        GgmlType.Q2_K => new ScalarLevels(new ScaleMinLevels<Q2_K>()),
        GgmlType.Q3_K => new ScalarLevels(new ScaleOnlyLevels<Q3_K>()),
        GgmlType.Q4_K => new ScalarLevels(new ScaleMinLevels<Q4_K>()),
        GgmlType.Q5_K => new ScalarLevels(new ScaleMinLevels<Q5_K>()),
        GgmlType.Q6_K => new ScalarLevels(new ScaleOnlyLevels<Q6_K>()),
        GgmlType.Q4_0 => new ScalarLevels(new LegacyLevels<Q4_0>()),
        GgmlType.Q4_1 => new ScalarLevels(new LegacyLevels<Q4_1>()),
        GgmlType.Q5_0 => new ScalarLevels(new LegacyLevels<Q5_0>()),
        GgmlType.Q5_1 => new ScalarLevels(new LegacyLevels<Q5_1>()),
        GgmlType.IQ4_NL => new ScalarLevels(new NonlinearCodes<IQ4_NL>()),
        GgmlType.IQ4_XS => new ScalarLevels(new NonlinearCodes<IQ4_XS>()),
        GgmlType.IQ2_S => new ScalarPoints<IQ2_S>(new IQ2_SCodes()),
        GgmlType.IQ3_S => new ScalarPoints<IQ3_S>(new IQ3_SCodes()),
        _ => throw new ArgumentOutOfRangeException(nameof(type), type, null),
    };

    /// <summary>Reads the scales of a segment.</summary>
    public abstract void ReadScales(ReadOnlySpan<byte> blocks);

    /// <summary>Takes the best code for a target if its cost is below a limit.</summary>
    public abstract bool Choose(
        int position, ReadOnlySpan<float> targets, ReadOnlySpan<float> costs, Func<float[], double> costOf, double limit, Span<int> codes, Span<float> values);

    /// <summary>Writes the codes of a segment.</summary>
    public abstract void Write(ReadOnlySpan<int> codes, ReadOnlySpan<float> values, Span<byte> blocks);
}

/// <summary>Levels, weight by weight.</summary>
internal sealed class ScalarLevels(LevelCodec codec) : ScalarCodes
{
    private readonly float[] _scales = new float[256 / codec.SubBlockSize];
    private readonly float[] _offsets = new float[256 / codec.SubBlockSize];

    public override int Dimensions => 1;

    public override void ReadScales(ReadOnlySpan<byte> blocks)
    {
        int count = codec.Format.BlockSize / codec.SubBlockSize;
        for (int block = 0; block < blocks.Length / codec.Format.BlockBytes; block++)
            codec.ReadScales(blocks.Slice(block * codec.Format.BlockBytes, codec.Format.BlockBytes), _scales.AsSpan(block * count, count), _offsets.AsSpan(block * count, count));
    }

    public override bool Choose(
        int position, ReadOnlySpan<float> targets, ReadOnlySpan<float> costs, Func<float[], double> costOf, double limit, Span<int> codes, Span<float> values)
    {
        float scale = _scales[position / codec.SubBlockSize];
        float offset = _offsets[position / codec.SubBlockSize];
        float[] levels = codec.Levels;
        int code = Array.FindIndex(levels, level => level >= 0);
        if (scale != 0)
        {
            float level = (targets[0] - offset) / scale;
            code = codec.IsUniform
                ? (int)Math.Clamp(MathF.Round(level - levels[0]), 0, levels.Length - 1)
                : levels.Zip(levels.Skip(1)).Count(pair => level >= (pair.First + pair.Second) / 2);
        }
        float value = (scale * levels[code]) + offset;
        if (!(costOf([value]) < limit))
            return false;
        codes[0] = code;
        values[0] = value;
        return true;
    }

    public override void Write(ReadOnlySpan<int> codes, ReadOnlySpan<float> values, Span<byte> blocks)
    {
        for (int block = 0; block < blocks.Length / codec.Format.BlockBytes; block++)
        {
            byte[] bytes = [.. codes.Slice(block * codec.Format.BlockSize, codec.Format.BlockSize).ToArray().Select(code => (byte)code)];
            codec.WriteCodes(bytes, blocks.Slice(block * codec.Format.BlockBytes, codec.Format.BlockBytes));
        }
    }
}

/// <summary>Points of a grid: the twelve nearest of all by the diagonal, then the best by the quadratic form.</summary>
internal sealed class ScalarPoints<TFormat>(GridCodec codec) : ScalarCodes
    where TFormat : struct, IGridFormat
{
    private const int Nearest = 12;

    private readonly float[] _scales = new float[256 / TFormat.ScaleRun];

    public override int Dimensions => codec.Grid.Dimensions;

    public override void ReadScales(ReadOnlySpan<byte> blocks) => TFormat.Unpack(blocks, stackalloc ulong[32], _scales);

    public override bool Choose(
        int position, ReadOnlySpan<float> targets, ReadOnlySpan<float> costs, Func<float[], double> costOf, double limit, Span<int> codes, Span<float> values)
    {
        float scale = Math.Abs(_scales[position / TFormat.ScaleRun]);
        bool isFound = false;
        foreach (int point in FindNearest(codec, targets, costs, scale))
        {
            float[] candidate = new float[targets.Length];
            for (int i = 0; i < candidate.Length; i++)
                candidate[i] = (targets[i] < 0 ? -scale : scale) * Magnitude(codec, point, i);
            double cost = costOf(candidate);
            if (!(cost < limit))
                continue;
            limit = cost;
            isFound = true;
            codes[0] = point;
            candidate.CopyTo(values);
        }
        return isFound;
    }

    /// <summary>The nearest points, nearest first.</summary>
    public static IEnumerable<int> FindNearest(GridCodec codec, ReadOnlySpan<float> targets, ReadOnlySpan<float> costs, float scale)
    {
        float[] distances = new float[codec.Grid.Points.Length];
        for (int point = 0; point < distances.Length; point++)
        {
            for (int i = 0; i < targets.Length; i++)
            {
                float miss = MathF.FusedMultiplyAdd(scale, Magnitude(codec, point, i), -Math.Abs(targets[i]));
                distances[point] = MathF.FusedMultiplyAdd(costs[i] * miss, miss, distances[point]);
            }
        }
        return Enumerable.Range(0, distances.Length).OrderBy(point => distances[point]).Take(Nearest);
    }

    public override void Write(ReadOnlySpan<int> codes, ReadOnlySpan<float> values, Span<byte> blocks)
    {
        int[] points = new int[256 / Dimensions];
        byte[] signs = new byte[32];
        for (int i = 0; i < 256; i++)
        {
            if (i % Dimensions == 0)
                points[i / Dimensions] = codes[i];
            if (values[i] < 0 != _scales[i / TFormat.ScaleRun] < 0)
                signs[i / 8] |= (byte)(1 << (i % 8));
        }
        codec.Write(points, signs, blocks);
    }

    private static float Magnitude(GridCodec codec, int point, int digit) => codec.Magnitudes[codec.Grid.Digit(codec.Grid.Points[point], digit)];
}
