using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using GgufQuant.Simd;

namespace GgufQuant.Calibration;

/// <summary>A matrix within an array of floats.</summary>
/// <param name="Elements">The array.</param>
/// <param name="Offset">The index of the first element.</param>
/// <param name="RowStride">The distance between rows.</param>
/// <param name="ColumnStride">The distance between columns.</param>
internal readonly record struct MatrixView(float[] Elements, int Offset, int RowStride, int ColumnStride = 1);

/// <summary>Matrix products in which each element is a chain of fused multiply-adds in the order of the inner index.</summary>
/// <remarks>
/// Sums are never split into partial sums, so the result depends neither on the vector width nor on the tiling: a triple loop over <see cref="MathF.FusedMultiplyAdd"/> gives the same bits.
/// </remarks>
internal static class MatrixKernel
{
    private const int Lanes = 16;
    private const int TileRows = 4;
    private const int TileColumns = 4 * Lanes;

    // A tile of the right matrix stays in the first-level cache while a block of rows of the left one passes.
    private const int TileDepth = 128;
    private const int BlockRows = 64;

    /// <summary>Adds the product of two matrices to a third.</summary>
    /// <param name="left">rows × depth, of any strides.</param>
    /// <param name="right">depth × columns; its columns are adjacent.</param>
    /// <param name="sum">rows × columns; its columns are adjacent.</param>
    /// <param name="rows">Rows of the left matrix.</param>
    /// <param name="depth">The inner index's range.</param>
    /// <param name="columns">Columns of the right matrix.</param>
    public static void AddProduct(MatrixView left, MatrixView right, MatrixView sum, int rows, int depth, int columns)
    {
        for (int top = 0; top < rows; top += BlockRows)
        {
            for (int first = 0; first < depth; first += TileDepth)
            {
                AddBlock(
                    left with { Offset = left.Offset + (top * left.RowStride) + (first * left.ColumnStride) },
                    right with { Offset = right.Offset + (first * right.RowStride) },
                    sum with { Offset = sum.Offset + (top * sum.RowStride) },
                    Math.Min(BlockRows, rows - top), Math.Min(TileDepth, depth - first), columns);
            }
        }
    }

    /// <summary>Adds a multiple of one row of floats to another.</summary>
    public static void AddMultiple(float factor, ReadOnlySpan<float> row, Span<float> sum)
    {
        sum = sum[..row.Length];
        ref float from = ref Unsafe.AsRef(in row.GetPinnableReference());
        ref float to = ref sum.GetPinnableReference();
        Vector512<float> factors = Vector512.Create(factor);
        int i = 0;
        for (; i <= row.Length - Lanes; i += Lanes)
        {
            Vector512.FusedMultiplyAdd(factors, Vector512.LoadUnsafe(ref from, (nuint)i), Vector512.LoadUnsafe(ref to, (nuint)i))
                .StoreUnsafe(ref to, (nuint)i);
        }
        for (; i < row.Length; i++)
            sum[i] = MathF.FusedMultiplyAdd(factor, row[i], sum[i]);
    }

    /// <summary>Adds multiples of some of a matrix's rows to a row of floats.</summary>
    /// <param name="factors">The multiples.</param>
    /// <param name="rows">The row that each factor belongs to.</param>
    /// <param name="matrix">The matrix; its columns are adjacent.</param>
    /// <param name="sum">The sum, as long as the part of each row that is added.</param>
    public static void AddMultiples(ReadOnlySpan<float> factors, ReadOnlySpan<int> rows, MatrixView matrix, Span<float> sum)
    {
        const int Columns = 8 * Lanes;
        int column = 0;
        for (; column <= sum.Length - Columns; column += Columns)
        {
            ref float to = ref sum[column];
            Vector512<float> s0 = Load(ref to, 0), s1 = Load(ref to, 1), s2 = Load(ref to, 2), s3 = Load(ref to, 3);
            Vector512<float> s4 = Load(ref to, 4), s5 = Load(ref to, 5), s6 = Load(ref to, 6), s7 = Load(ref to, 7);
            for (int k = 0; k < rows.Length; k++)
            {
                ref float row = ref matrix.Elements[matrix.Offset + (rows[k] * matrix.RowStride) + column];
                Vector512<float> factor = Vector512.Create(factors[k]);
                s0 = Vector512.FusedMultiplyAdd(factor, Load(ref row, 0), s0);
                s1 = Vector512.FusedMultiplyAdd(factor, Load(ref row, 1), s1);
                s2 = Vector512.FusedMultiplyAdd(factor, Load(ref row, 2), s2);
                s3 = Vector512.FusedMultiplyAdd(factor, Load(ref row, 3), s3);
                s4 = Vector512.FusedMultiplyAdd(factor, Load(ref row, 4), s4);
                s5 = Vector512.FusedMultiplyAdd(factor, Load(ref row, 5), s5);
                s6 = Vector512.FusedMultiplyAdd(factor, Load(ref row, 6), s6);
                s7 = Vector512.FusedMultiplyAdd(factor, Load(ref row, 7), s7);
            }
            Store(ref to, s0, s1, s2, s3);
            Store(ref Unsafe.Add(ref to, 4 * Lanes), s4, s5, s6, s7);
        }
        if (column == sum.Length)
            return;
        for (int k = 0; k < rows.Length; k++)
        {
            int start = matrix.Offset + (rows[k] * matrix.RowStride) + column;
            AddMultiple(factors[k], matrix.Elements.AsSpan(start, sum.Length - column), sum[column..]);
        }
    }

    private static void AddBlock(MatrixView left, MatrixView right, MatrixView sum, int rows, int depth, int columns)
    {
        Workspace workspace = Workspace.OfThread;
        workspace.PackLeft(left, rows, depth);
        int column = 0;
        for (; column <= columns - TileColumns; column += TileColumns)
        {
            MatrixView tile = At(right, column);
            AddTile(workspace.Left, rows < 2 * TileRows ? tile : workspace.PackRight(tile, depth), At(sum, column), rows, depth);
        }
        for (; column <= columns - Lanes; column += Lanes)
            AddNarrow(left, At(right, column), At(sum, column), rows, depth);
        for (; column < columns; column++)
            AddColumn(left, At(right, column), At(sum, column), rows, depth);
    }

    private static MatrixView At(MatrixView matrix, int column) => matrix with { Offset = matrix.Offset + column };

    private static void AddTile(float[] left, MatrixView right, MatrixView sum, int rows, int depth)
    {
        int row = 0;
        for (; row <= rows - TileRows; row += TileRows)
        {
            ref float a = ref left[row * depth];
            ref float b = ref right.Elements[right.Offset];
            ref float c0 = ref sum.Elements[sum.Offset + (row * sum.RowStride)];
            ref float c1 = ref Unsafe.Add(ref c0, sum.RowStride);
            ref float c2 = ref Unsafe.Add(ref c1, sum.RowStride);
            ref float c3 = ref Unsafe.Add(ref c2, sum.RowStride);
            Vector512<float> s00 = Load(ref c0, 0), s01 = Load(ref c0, 1), s02 = Load(ref c0, 2), s03 = Load(ref c0, 3);
            Vector512<float> s10 = Load(ref c1, 0), s11 = Load(ref c1, 1), s12 = Load(ref c1, 2), s13 = Load(ref c1, 3);
            Vector512<float> s20 = Load(ref c2, 0), s21 = Load(ref c2, 1), s22 = Load(ref c2, 2), s23 = Load(ref c2, 3);
            Vector512<float> s30 = Load(ref c3, 0), s31 = Load(ref c3, 1), s32 = Load(ref c3, 2), s33 = Load(ref c3, 3);
            for (int p = 0; p < depth; p++)
            {
                Vector512<float> b0 = Load(ref b, 0), b1 = Load(ref b, 1), b2 = Load(ref b, 2), b3 = Load(ref b, 3);
                Vector512<float> factor = Vector512.Create(a);
                s00 = Vector512.FusedMultiplyAdd(factor, b0, s00);
                s01 = Vector512.FusedMultiplyAdd(factor, b1, s01);
                s02 = Vector512.FusedMultiplyAdd(factor, b2, s02);
                s03 = Vector512.FusedMultiplyAdd(factor, b3, s03);
                factor = Vector512.Create(Unsafe.Add(ref a, 1));
                s10 = Vector512.FusedMultiplyAdd(factor, b0, s10);
                s11 = Vector512.FusedMultiplyAdd(factor, b1, s11);
                s12 = Vector512.FusedMultiplyAdd(factor, b2, s12);
                s13 = Vector512.FusedMultiplyAdd(factor, b3, s13);
                factor = Vector512.Create(Unsafe.Add(ref a, 2));
                s20 = Vector512.FusedMultiplyAdd(factor, b0, s20);
                s21 = Vector512.FusedMultiplyAdd(factor, b1, s21);
                s22 = Vector512.FusedMultiplyAdd(factor, b2, s22);
                s23 = Vector512.FusedMultiplyAdd(factor, b3, s23);
                factor = Vector512.Create(Unsafe.Add(ref a, 3));
                s30 = Vector512.FusedMultiplyAdd(factor, b0, s30);
                s31 = Vector512.FusedMultiplyAdd(factor, b1, s31);
                s32 = Vector512.FusedMultiplyAdd(factor, b2, s32);
                s33 = Vector512.FusedMultiplyAdd(factor, b3, s33);
                a = ref Unsafe.Add(ref a, TileRows);
                b = ref Unsafe.Add(ref b, right.RowStride);
            }
            Store(ref c0, s00, s01, s02, s03);
            Store(ref c1, s10, s11, s12, s13);
            Store(ref c2, s20, s21, s22, s23);
            Store(ref c3, s30, s31, s32, s33);
        }
        for (; row < rows; row++)
        {
            ref float a = ref left[(row / TileRows * TileRows * depth) + (row % TileRows)];
            ref float b = ref right.Elements[right.Offset];
            ref float c = ref sum.Elements[sum.Offset + (row * sum.RowStride)];
            Vector512<float> s0 = Load(ref c, 0), s1 = Load(ref c, 1), s2 = Load(ref c, 2), s3 = Load(ref c, 3);
            for (int p = 0; p < depth; p++)
            {
                Vector512<float> factor = Vector512.Create(a);
                s0 = Vector512.FusedMultiplyAdd(factor, Load(ref b, 0), s0);
                s1 = Vector512.FusedMultiplyAdd(factor, Load(ref b, 1), s1);
                s2 = Vector512.FusedMultiplyAdd(factor, Load(ref b, 2), s2);
                s3 = Vector512.FusedMultiplyAdd(factor, Load(ref b, 3), s3);
                a = ref Unsafe.Add(ref a, TileRows);
                b = ref Unsafe.Add(ref b, right.RowStride);
            }
            Store(ref c, s0, s1, s2, s3);
        }
    }

    private static void AddNarrow(MatrixView left, MatrixView right, MatrixView sum, int rows, int depth)
    {
        for (int row = 0; row < rows; row++)
        {
            ref float a = ref left.Elements[left.Offset + (row * left.RowStride)];
            ref float b = ref right.Elements[right.Offset];
            ref float c = ref sum.Elements[sum.Offset + (row * sum.RowStride)];
            Vector512<float> total = Load(ref c, 0);
            for (int p = 0; p < depth; p++)
            {
                total = Vector512.FusedMultiplyAdd(Vector512.Create(a), Load(ref b, 0), total);
                a = ref Unsafe.Add(ref a, left.ColumnStride);
                b = ref Unsafe.Add(ref b, right.RowStride);
            }
            total.StoreUnsafe(ref c);
        }
    }

    private static void AddColumn(MatrixView left, MatrixView right, MatrixView sum, int rows, int depth)
    {
        for (int row = 0; row < rows; row++)
        {
            ref float total = ref sum.Elements[sum.Offset + (row * sum.RowStride)];
            for (int p = 0; p < depth; p++)
            {
                total = MathF.FusedMultiplyAdd(
                    left.Elements[left.Offset + (row * left.RowStride) + (p * left.ColumnStride)],
                    right.Elements[right.Offset + (p * right.RowStride)],
                    total);
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> Load(ref float row, int vector) => Vector512.LoadUnsafe(ref row, (nuint)(vector * Lanes));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(ref float row, Vector512<float> v0, Vector512<float> v1, Vector512<float> v2, Vector512<float> v3)
    {
        v0.StoreUnsafe(ref row);
        v1.StoreUnsafe(ref row, Lanes);
        v2.StoreUnsafe(ref row, 2 * Lanes);
        v3.StoreUnsafe(ref row, 3 * Lanes);
    }

    /// <summary>Parts of both matrices are copied together, because rows thousands of floats apart would evict each other from the cache.</summary>
    private sealed class Workspace
    {
        [ThreadStatic]
        private static Workspace? s_workspace;

        private readonly ArraySegment<float> _right;

        private Workspace()
        {
            _ = MemoryMarshal.TryGetArray(CacheLines.Allocate(TileDepth * TileColumns), out _right);
        }

        public static Workspace OfThread => s_workspace ??= new();

        /// <summary>Tiles of four rows, each in column-major order.</summary>
        public float[] Left { get; } = new float[BlockRows * TileDepth];

        public void PackLeft(MatrixView left, int rows, int depth)
        {
            for (int row = 0; row < rows; row++)
            {
                int to = (row / TileRows * TileRows * depth) + (row % TileRows);
                int from = left.Offset + (row * left.RowStride);
                for (int p = 0; p < depth; p++)
                    Left[to + (p * TileRows)] = left.Elements[from + (p * left.ColumnStride)];
            }
        }

        public MatrixView PackRight(MatrixView right, int depth)
        {
            for (int p = 0; p < depth; p++)
                right.Elements.AsSpan(right.Offset + (p * right.RowStride), TileColumns).CopyTo(_right.AsSpan(p * TileColumns));
            return new(_right.Array!, _right.Offset, TileColumns);
        }
    }
}
