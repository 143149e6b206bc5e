using System.Buffers.Binary;
using GgufQuant.Formats;
using GgufQuant.Simd;

namespace GgufQuant.Calibration;

/// <summary>A format whose weights are <c>scale · level + offset</c>, with the scale and offset of their sub-block.</summary>
internal abstract class LevelCodec
{
    /// <summary>The format.</summary>
    public abstract BlockFormat Format { get; }

    /// <summary>The number of weights that share a scale.</summary>
    public abstract int SubBlockSize { get; }

    /// <summary>The levels in ascending order; a code is an index into them.</summary>
    public abstract float[] Levels { get; }

    /// <summary>Whether the levels are consecutive integers.</summary>
    public virtual bool IsUniform => true;

    /// <summary>Reads the scale and the offset of each sub-block.</summary>
    public abstract void ReadScales(ReadOnlySpan<byte> block, Span<float> scales, Span<float> offsets);

    /// <summary>Writes the codes without touching the scales.</summary>
    public abstract void WriteCodes(ReadOnlySpan<byte> codes, Span<byte> block);

    /// <summary>Consecutive integers.</summary>
    protected static float[] Range(int first, int count) => [.. Enumerable.Range(first, count).Select(level => (float)level)];
}

/// <summary>Q2_K, Q4_K and Q5_K.</summary>
internal sealed class ScaleMinLevels<TFormat> : LevelCodec
    where TFormat : struct, IScaleMinFormat
{
    public override BlockFormat Format { get; } = BlockFormat.Of(TFormat.Type);

    public override int SubBlockSize => TFormat.SubBlockSize;

    public override float[] Levels { get; } = Range(0, TFormat.MaxLevel + 1);

    public override void ReadScales(ReadOnlySpan<byte> block, Span<float> scales, Span<float> offsets)
    {
        Span<byte> stored = stackalloc byte[scales.Length];
        Span<byte> minimums = stackalloc byte[scales.Length];
        TFormat.UnpackScales(block, stored, minimums);
        float scale = HalfConversion.Read(in block[TFormat.FactorsOffset]);
        float minimum = HalfConversion.Read(in block[TFormat.FactorsOffset + sizeof(ushort)]);
        for (int s = 0; s < scales.Length; s++)
        {
            scales[s] = scale * stored[s];
            offsets[s] = -(minimum * minimums[s]);
        }
    }

    public override void WriteCodes(ReadOnlySpan<byte> codes, Span<byte> block) => TFormat.PackLevels(codes, block);
}

/// <summary>Q3_K and Q6_K.</summary>
internal sealed class ScaleOnlyLevels<TFormat> : LevelCodec
    where TFormat : struct, IScaleOnlyFormat
{
    public override BlockFormat Format { get; } = BlockFormat.Of(TFormat.Type);

    public override int SubBlockSize => 16;

    public override float[] Levels { get; } = Range(-TFormat.LevelRange, 2 * TFormat.LevelRange);

    public override void ReadScales(ReadOnlySpan<byte> block, Span<float> scales, Span<float> offsets)
    {
        Span<sbyte> stored = stackalloc sbyte[scales.Length];
        TFormat.UnpackScales(block, stored);
        float scale = HalfConversion.Read(in block[TFormat.FactorOffset]);
        for (int s = 0; s < scales.Length; s++)
            scales[s] = scale * stored[s];
        offsets.Clear();
    }

    public override void WriteCodes(ReadOnlySpan<byte> codes, Span<byte> block) => TFormat.PackLevels(codes, block);
}

/// <summary>Q4_0, Q4_1, Q5_0 and Q5_1.</summary>
internal sealed class LegacyLevels<TFormat> : LevelCodec
    where TFormat : struct, ILegacyFormat
{
    public override BlockFormat Format { get; } = BlockFormat.Of(TFormat.Type);

    public override int SubBlockSize => TFormat.BlockSize;

    public override float[] Levels { get; } = Range(TFormat.HasMinimum ? 0 : -(1 << (TFormat.CodeBits - 1)), 1 << TFormat.CodeBits);

    public override void ReadScales(ReadOnlySpan<byte> block, Span<float> scales, Span<float> offsets)
    {
        scales[0] = HalfConversion.Read(in block[0]);
        offsets[0] = TFormat.HasMinimum ? HalfConversion.Read(in block[sizeof(ushort)]) : 0;
    }

    public override void WriteCodes(ReadOnlySpan<byte> codes, Span<byte> block)
    {
        NibblePairs.Write(codes, block[^(TFormat.BlockSize / 2)..]);
        if (TFormat.CodeBits == 4)
            return;
        uint fifthBits = 0;
        for (int i = 0; i < codes.Length; i++)
            fifthBits |= (uint)(codes[i] >> 4) << i;
        BinaryPrimitives.WriteUInt32LittleEndian(block[^((TFormat.BlockSize / 2) + sizeof(uint))..], fifthBits);
    }
}

/// <summary>IQ4_NL and IQ4_XS.</summary>
internal sealed class NonlinearCodes<TFormat> : LevelCodec
    where TFormat : struct, INonlinearFormat
{
    public override BlockFormat Format { get; } = BlockFormat.Of(TFormat.Type);

    public override int SubBlockSize => TFormat.ScaleRun;

    public override float[] Levels { get; } = [.. NonlinearLevels.Values];

    public override bool IsUniform => false;

    public override void ReadScales(ReadOnlySpan<byte> block, Span<float> scales, Span<float> offsets)
    {
        Span<ulong> levels = stackalloc ulong[TFormat.BlockSize / sizeof(ulong)];
        TFormat.Unpack(block, levels, scales);
        offsets.Clear();
    }

    public override void WriteCodes(ReadOnlySpan<byte> codes, Span<byte> block)
    {
        Span<byte> pairs = block[^(TFormat.BlockSize / 2)..];
        for (int start = 0; start < codes.Length; start += 32)
            NibblePairs.Write(codes.Slice(start, 32), pairs[(start / 2)..]);
    }
}

/// <summary>Codes of 32 weights in 16 bytes: the first sixteen in the low nibbles, the others in the high ones.</summary>
internal static class NibblePairs
{
    /// <summary>Writes the codes' low four bits.</summary>
    public static void Write(ReadOnlySpan<byte> codes, Span<byte> pairs)
    {
        for (int i = 0; i < 16; i++)
            pairs[i] = (byte)((codes[i] & 15) | (codes[16 + i] << 4));
    }
}
