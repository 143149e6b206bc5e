using System.Diagnostics;
using System.Runtime.InteropServices;
using GgufQuant.Calibration;
using GgufQuant.IO;

namespace GgufQuant.Evaluation.Calibration;

/// <summary>Σ x xᵀ of one input, or of one matrix's if inputs are separate, in diagonal blocks: tiles of rows from their diagonal on.</summary>
/// <remarks>
/// Each evaluation's positions are summed separately first, to lose little to rounding against a large total, and in an
/// order that does not depend on the number of threads.
/// </remarks>
internal sealed class MomentSums
{
    private const int TileRows = 64;

    private readonly CalibratedInput _input;
    private readonly List<Tile> _tiles = [];

    public MomentSums(CalibratedInput input)
    {
        _input = input;
        for (int start = 0; start < input.Columns; start += input.Width)
        {
            int end = Math.Min(input.Columns, start + input.Width);
            for (int first = start; first < end; first += TileRows)
                _tiles.Add(new(first, Math.Min(TileRows, end - first), end - first));
        }
    }

    /// <summary>The number of positions added.</summary>
    public long Tokens { get; private set; }

    /// <summary>The size of an input's sums in bytes.</summary>
    public static long BytesFor(CalibratedInput input) => CalibrationWriter.BytesFor(input) + ((long)input.Matrices * input.Columns * TileRows / 2 * sizeof(float));

    /// <summary>Adds positions.</summary>
    /// <param name="inputs">The inputs, position by position.</param>
    /// <param name="positions">The number of positions.</param>
    /// <param name="threads">Threads to use.</param>
    public void Add(float[] inputs, int positions, int threads)
    {
        int columns = _input.Columns;
        ParallelLoop.For(_tiles.Count, threads, () => new float[TileRows * Math.Min(_input.Width, columns)], (index, sums) =>
        {
            Tile tile = _tiles[index];
            Span<float> used = sums.AsSpan(0, tile.Sums.Length);
            used.Clear();
            MatrixKernel.AddProduct(
                new(inputs, tile.First, 1, columns), new(inputs, tile.First, columns), new(sums, 0, tile.Columns), tile.Rows, positions, tile.Columns);
            MatrixKernel.AddMultiple(1, used, tile.Sums);
            return sums;
        }, CancellationToken.None);
        Tokens += positions;
    }

    /// <summary>Measures how many products are summed per second.</summary>
    /// <param name="columns">Columns of the input.</param>
    /// <param name="threads">Threads to use.</param>
    public static double MeasureSpeed(int columns, int threads)
    {
        const int MostColumns = 2048;
        const int Positions = 128;
        int width = Math.Min(columns, MostColumns);
        CalibratedInput input = new("", width, width, []);
        MomentSums sums = new(input);
        float[] inputs = new float[Positions * width];
        // The first time the code is compiled too.
        sums.Add(inputs, Positions, threads);
        long start = Stopwatch.GetTimestamp();
        sums.Add(inputs, Positions, threads);
        return CalibrationWriter.ProductsPerToken(input) * Positions / Math.Max(1e-6, Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    /// <summary>Whether every sum is a finite number.</summary>
    public bool AreFinite => _tiles.TrueForAll(tile => !tile.Sums.AsSpan().ContainsAnyExceptInRange(float.MinValue, float.MaxValue));

    /// <summary>Writes the blocks' upper halves, each row from the diagonal on.</summary>
    public void Write(Stream stream)
    {
        foreach (Tile tile in _tiles)
        {
            for (int row = 0; row < tile.Rows; row++)
                stream.Write(MemoryMarshal.AsBytes(tile.Sums.AsSpan((row * tile.Columns) + row, tile.Columns - row)));
        }
    }

    /// <summary>Rows of a block.</summary>
    private sealed class Tile(int first, int rows, int columns)
    {
        public int First => first;

        public int Rows => rows;

        public int Columns => columns;

        public float[] Sums { get; } = new float[rows * columns];
    }
}
