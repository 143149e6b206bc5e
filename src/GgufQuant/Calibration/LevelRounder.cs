using System.Runtime.CompilerServices;
using GgufQuant.Formats;

namespace GgufQuant.Calibration;

/// <summary>Rounds to levels, weight by weight: GPTQ's error feedback, then coordinate descent.</summary>
internal sealed class LevelRounder(LevelCodec codec) : SegmentRounder
{
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
            MatrixKernel.AddMultiple(-error, segment.CoefficientsOf(i)[(i + 1)..], targets[(i + 1)..]);
        }
    }

    [SkipLocalsInit]
    public override bool ImproveCodes(RowSegment segment)
    {
        Span<float> scales = stackalloc float[segment.Length / codec.SubBlockSize];
        Span<float> offsets = stackalloc float[scales.Length];
        ReadScales(segment, scales, offsets);
        bool isChanged = false;
        for (int i = 0; i < segment.Length; i++)
        {
            segment.Changes[i] = 0;
            float scale = scales[i / codec.SubBlockSize];
            float offset = offsets[i / codec.SubBlockSize];
            float square = segment.MomentsOf(i)[i];
            float residual = segment.Residuals[i];
            int code = Nearest(segment.Values[i] - (residual / square), scale, offset);
            if (code == segment.Codes[i])
                continue;
            float value = (scale * _levels[code]) + offset;
            float change = value - segment.Values[i];
            // The residual is a sum of rounded terms: a change must lower the error by it, too.
            if (!(change * ((2 * residual) + (change * square)) < 0))
                continue;
            segment.Codes[i] = (ushort)code;
            segment.Values[i] = value;
            segment.Changes[i] = change;
            MatrixKernel.AddMultiple(change, segment.MomentsOf(i), segment.Residuals);
            isChanged = true;
        }
        return isChanged;
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
