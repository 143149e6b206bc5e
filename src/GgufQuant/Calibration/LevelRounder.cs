using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using GgufQuant.Formats;

namespace GgufQuant.Calibration;

/// <summary>Rounds to levels, weight by weight: GPTQ's error feedback, then coordinate descent.</summary>
internal sealed class LevelRounder(LevelCodec codec) : SegmentRounder
{
    private const int Lanes = 16;

    private readonly float[] _levels = codec.Levels;
    private readonly float[] _midpoints = [.. codec.Levels.Zip(codec.Levels.Skip(1), (lower, upper) => (lower + upper) / 2)];
    private readonly int _zero = Array.FindIndex(codec.Levels, level => level >= 0);

    public override BlockFormat Format => codec.Format;

    [SkipLocalsInit]
    public override void FeedErrorsForward(RowSegment segment)
    {
        Span<float> scales = stackalloc float[segment.Length / codec.SubBlockSize];
        Span<float> offsets = stackalloc float[scales.Length];
        ReadScales(segment, scales, offsets);
        Span<float> targets = segment.Targets;
        for (int i = 0; i < segment.Length; i++)
        {
            float scale = scales[i / codec.SubBlockSize];
            float offset = offsets[i / codec.SubBlockSize];
            int code = Nearest(targets[i], scale, offset);
            float value = (scale * _levels[code]) + offset;
            segment.Codes[i] = (ushort)code;
            segment.Values[i] = value;
            float error = value - segment.Weights[i];
            segment.Changes[i] = error;
            // From the vector with the next target: earlier targets are no longer needed.
            int next = (i + 1) / Lanes * Lanes;
            MatrixKernel.AddMultiple(-error, segment.CoefficientsOf(i)[next..], targets[next..]);
        }
    }

    [SkipLocalsInit]
    public override bool ImproveCodes(RowSegment segment)
    {
        Span<float> scales = stackalloc float[segment.Length / codec.SubBlockSize];
        Span<float> offsets = stackalloc float[scales.Length];
        ReadScales(segment, scales, offsets);
        segment.Changes.Clear();
        bool isChanged = false;
        for (int start = 0; start < segment.Length; start += Lanes)
        {
            float scale = scales[start / codec.SubBlockSize];
            float offset = offsets[start / codec.SubBlockSize];
            // A change also moves later residuals, so they are searched again.
            for (uint open = (1u << Lanes) - 1, better; (better = FindBetter(segment, start, scale, offset) & open) != 0;)
            {
                int lane = BitOperations.TrailingZeroCount(better);
                isChanged |= TryImprove(segment, start + lane, scale, offset);
                open &= ~1u << lane;
            }
        }
        return isChanged;
    }

    private bool TryImprove(RowSegment segment, int i, float scale, float offset)
    {
        float square = segment.Factor.Squares[segment.First + i];
        float residual = segment.Residuals[i];
        int code = Nearest(segment.Values[i] - (residual / square), scale, offset);
        float value = (scale * _levels[code]) + offset;
        float change = value - segment.Values[i];
        // The residual is a sum of rounded terms, so the change must also lower the error computed from it.
        if (!(change * ((2 * residual) + (change * square)) < 0))
            return false;
        segment.Codes[i] = (ushort)code;
        segment.Values[i] = value;
        segment.Changes[i] = change;
        MatrixKernel.AddMultiple(change, segment.MomentsOf(i), segment.Residuals);
        return true;
    }

    // The columns that would improve, one bit each.
    private uint FindBetter(RowSegment segment, int start, float scale, float offset)
    {
        Vector512<float> values = Vector512.Create<float>(segment.Values.Slice(start, Lanes));
        Vector512<float> residuals = Vector512.Create<float>(segment.Residuals.Slice(start, Lanes));
        Vector512<float> squares = Vector512.Create(segment.Factor.Squares, segment.First + start);
        Vector512<float> levels = (values - (residuals / squares) - Vector512.Create(offset)) / Vector512.Create(scale);
        Vector512<float> nearest;
        if (codec.IsUniform)
        {
            Vector512<float> first = Vector512.Create(_levels[0]);
            Vector512<float> codes = Vector512.Clamp(Vector512.Round(levels - first), Vector512<float>.Zero, Vector512.Create(_levels.Length - 1f));
            nearest = codes + first;
        }
        else
        {
            nearest = Vector512.Create(_levels[0]);
            for (int k = 0; k < _midpoints.Length; k++)
            {
                Vector512<float> isAbove = Vector512.GreaterThanOrEqual(levels, Vector512.Create(_midpoints[k]));
                nearest = Vector512.ConditionalSelect(isAbove, Vector512.Create(_levels[k + 1]), nearest);
            }
        }
        Vector512<float> changes = (Vector512.Create(scale) * nearest) + Vector512.Create(offset) - values;
        Vector512<float> gains = changes * ((Vector512.Create(2f) * residuals) + (changes * squares));
        return (uint)Vector512.LessThan(gains, Vector512<float>.Zero).ExtractMostSignificantBits();
    }

    [SkipLocalsInit]
    public override void WriteCodes(RowSegment segment)
    {
        Span<byte> codes = stackalloc byte[Format.BlockSize];
        for (int start = 0, block = 0; start < segment.Length; start += codes.Length, block += Format.BlockBytes)
        {
            for (int i = 0; i < codes.Length; i++)
                codes[i] = (byte)segment.Codes[start + i];
            codec.WriteCodes(codes, segment.Blocks.Slice(block, Format.BlockBytes));
        }
    }

    private void ReadScales(RowSegment segment, Span<float> scales, Span<float> offsets)
    {
        int count = Format.BlockSize / codec.SubBlockSize;
        for (int start = 0, block = 0; start < scales.Length; start += count, block += Format.BlockBytes)
            codec.ReadScales(segment.Blocks.Slice(block, Format.BlockBytes), scales.Slice(start, count), offsets.Slice(start, count));
    }

    private int Nearest(float target, float scale, float offset)
    {
        if (scale == 0)
            return _zero;
        float level = (target - offset) / scale;
        if (codec.IsUniform)
            return (int)Math.Clamp(MathF.Round(level - _levels[0]), 0, _levels.Length - 1);
        int code = 0;
        foreach (float midpoint in _midpoints)
            code += level >= midpoint ? 1 : 0;
        return code;
    }
}
