using System.Numerics;

namespace GgufQuant.Formats;

/// <summary>The points that a format of the IQ family may round a group of 4 or 8 weights to.</summary>
/// <remarks>
/// A point is a tuple of small digits, packed lowest first into 16 bits: its code. Each format defines the number a digit
/// stands for; a block stores a point's index in <see cref="Points"/>.
/// </remarks>
internal sealed class Grid
{
    private readonly Lazy<GridNeighbours> _neighbours;
    private readonly Lazy<GridCandidates> _candidates;

    private Grid(string bitmap, int dimensions, int levels, int shells)
    {
        Dimensions = dimensions;
        Levels = levels;
        DigitBits = BitOperations.Log2((uint)levels - 1) + 1;
        Points = Decode(Convert.FromBase64String(bitmap));
        _neighbours = new(() => GridNeighbours.Build(this, shells));
        _candidates = new(() => GridCandidates.Build(this));
    }

    /// <summary>The points of IQ2_XXS.</summary>
    public static Grid IQ2_XXS { get; } = new(GridPoints.IQ2_XXS, dimensions: 8, levels: 3, shells: 2);

    /// <summary>The points of IQ2_XS.</summary>
    public static Grid IQ2_XS { get; } = new(GridPoints.IQ2_XS, dimensions: 8, levels: 3, shells: 2);

    /// <summary>The points of IQ2_S.</summary>
    public static Grid IQ2_S { get; } = new(GridPoints.IQ2_S, dimensions: 8, levels: 3, shells: 1);

    /// <summary>The points of IQ1_S and IQ1_M.</summary>
    public static Grid IQ1 { get; } = new(GridPoints.IQ1, dimensions: 8, levels: 3, shells: 3);

    /// <summary>The points of IQ3_XXS.</summary>
    public static Grid IQ3_XXS { get; } = new(GridPoints.IQ3_XXS, dimensions: 4, levels: 8, shells: 2);

    /// <summary>The points of IQ3_S.</summary>
    public static Grid IQ3_S { get; } = new(GridPoints.IQ3_S, dimensions: 4, levels: 8, shells: 3);

    /// <summary>Digits per point, and weights per group.</summary>
    public int Dimensions { get; }

    /// <summary>Number of values a digit can take.</summary>
    public int Levels { get; }

    /// <summary>Bits per digit of a code.</summary>
    public int DigitBits { get; }

    /// <summary>The codes of the points, ascending.</summary>
    public ushort[] Points { get; }

    /// <summary>The points near each off-grid code; built once, on first use.</summary>
    public GridNeighbours Neighbours => _neighbours.Value;

    /// <summary>Those of them that can be the nearest; built once, on first use.</summary>
    public GridCandidates Candidates => _candidates.Value;

    /// <summary>The points as bytes, lowest digit in the lowest byte.</summary>
    /// <param name="levels">The byte that each digit stands for.</param>
    public ulong[] Expand(params ReadOnlySpan<byte> levels)
    {
        ulong[] points = new ulong[Points.Length];
        for (int n = 0; n < points.Length; n++)
        {
            for (int i = 0; i < Dimensions; i++)
                points[n] |= (ulong)levels[Digit(Points[n], i)] << (8 * i);
        }
        return points;
    }

    /// <summary>One digit of a code.</summary>
    public int Digit(int code, int index) => (code >> (DigitBits * index)) & ((1 << DigitBits) - 1);

    private ushort[] Decode(byte[] bitmap)
    {
        List<ushort> points = [];
        for (int n = 0; n < bitmap.Length * 8; n++)
        {
            if ((bitmap[n >> 3] >> (n & 7) & 1) != 0)
                points.Add(Encode(n));
        }
        return [.. points];
    }

    private ushort Encode(int number)
    {
        int code = 0;
        for (int i = 0; i < Dimensions; i++, number /= Levels)
            code |= number % Levels << (DigitBits * i);
        return (ushort)code;
    }
}
