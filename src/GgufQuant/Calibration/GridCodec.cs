using GgufQuant.Formats;

namespace GgufQuant.Calibration;

/// <summary>How a grid format with a sign per weight stores the points of its groups.</summary>
internal abstract class GridCodec
{
    /// <summary>The points.</summary>
    public abstract Grid Grid { get; }

    /// <summary>The magnitude of each digit of a point.</summary>
    public abstract ReadOnlySpan<byte> Magnitudes { get; }

    /// <summary>Writes the points' indices and the signs, one bit per weight, without touching the scales.</summary>
    public abstract void Write(ReadOnlySpan<int> points, ReadOnlySpan<byte> signs, Span<byte> block);
}

/// <summary>IQ2_S's.</summary>
internal sealed class IQ2_SCodes : GridCodec
{
    public override Grid Grid => Grid.IQ2_S;

    public override ReadOnlySpan<byte> Magnitudes => [8, 25, 43];

    public override void Write(ReadOnlySpan<int> points, ReadOnlySpan<byte> signs, Span<byte> block)
    {
        signs.CopyTo(block[34..]);
        block.Slice(66, 8).Clear();
        for (int k = 0; k < points.Length; k++)
        {
            block[2 + k] = (byte)points[k];
            block[66 + (k / 4)] |= (byte)(points[k] >> 8 << (k % 4 * 2));
        }
    }
}

/// <summary>IQ3_S's.</summary>
internal sealed class IQ3_SCodes : GridCodec
{
    public override Grid Grid => Grid.IQ3_S;

    public override ReadOnlySpan<byte> Magnitudes => [1, 3, 5, 7, 9, 11, 13, 15];

    public override void Write(ReadOnlySpan<int> points, ReadOnlySpan<byte> signs, Span<byte> block)
    {
        signs.CopyTo(block[74..]);
        block.Slice(66, 8).Clear();
        for (int k = 0; k < points.Length; k++)
        {
            block[2 + k] = (byte)points[k];
            block[66 + (k / 8)] |= (byte)(points[k] >> 8 << (k % 8));
        }
    }
}
