using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace GgufQuant.Simd;

/// <summary>Rearranges consecutive blocks into lanes side by side.</summary>
internal static class Transposition
{
    /// <summary>Writes a matrix of <paramref name="rows"/> × <paramref name="columns"/> floats column by column.</summary>
    /// <param name="source">The matrix, row after row.</param>
    /// <param name="rows">Rows: lanes of the result.</param>
    /// <param name="columns">Columns, a multiple of four: elements of the result.</param>
    /// <param name="destination">Receives <c>[column][row]</c>.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run(ref readonly float source, int rows, int columns, ref float destination) =>
        Run(in source, rows, columns, columns, ref destination);

    /// <summary>Writes some columns of a wider matrix column by column.</summary>
    /// <param name="source">The first of the columns, row after row.</param>
    /// <param name="rows">Rows: lanes of the result.</param>
    /// <param name="rowLength">Floats from one row to the next.</param>
    /// <param name="columns">Columns, a multiple of four: elements of the result.</param>
    /// <param name="destination">Receives <c>[column][row]</c>.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(ref readonly float source, int rows, int rowLength, int columns, ref float destination)
    {
        ref float from = ref Unsafe.AsRef(in source);
        if ((!Sse.IsSupported && !AdvSimd.Arm64.IsSupported) || rows % 4 != 0)
        {
            for (int row = 0; row < rows; row++)
            {
                for (int column = 0; column < columns; column++)
                    Unsafe.Add(ref destination, (column * rows) + row) = Unsafe.Add(ref from, (row * rowLength) + column);
            }
            return;
        }
        for (int column = 0; column < columns; column += 4)
        {
            if (Avx512F.IsSupported && rows == Vector512<float>.Count)
            {
                RunSixteen(ref Unsafe.Add(ref from, column), rowLength, ref Unsafe.Add(ref destination, column * rows));
                continue;
            }
            if (Avx.IsSupported && rows == Vector256<float>.Count)
            {
                RunEight(ref Unsafe.Add(ref from, column), rowLength, ref Unsafe.Add(ref destination, column * rows));
                continue;
            }
            for (int row = 0; row < rows; row += 4)
            {
                ref float corner = ref Unsafe.Add(ref from, (row * rowLength) + column);
                Vector128<float> a = Vector128.LoadUnsafe(ref corner);
                Vector128<float> b = Vector128.LoadUnsafe(ref corner, (nuint)rowLength);
                Vector128<float> c = Vector128.LoadUnsafe(ref corner, (nuint)rowLength * 2);
                Vector128<float> d = Vector128.LoadUnsafe(ref corner, (nuint)rowLength * 3);
                (Vector128<float> lowAb, Vector128<float> highAb) = Interleave(a, b);
                (Vector128<float> lowCd, Vector128<float> highCd) = Interleave(c, d);
                ref float target = ref Unsafe.Add(ref destination, (column * rows) + row);
                (Vector128<float> first, Vector128<float> second) = InterleavePairs(lowAb, lowCd);
                first.StoreUnsafe(ref target);
                second.StoreUnsafe(ref target, (nuint)rows);
                (first, second) = InterleavePairs(highAb, highCd);
                first.StoreUnsafe(ref target, (nuint)rows * 2);
                second.StoreUnsafe(ref target, (nuint)rows * 3);
            }
        }
    }

    // Four columns of sixteen rows.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void RunSixteen(ref readonly float corner, int rowLength, ref float destination)
    {
        Vector512<float> a = EveryFourth(in corner, rowLength, 0);
        Vector512<float> b = EveryFourth(in corner, rowLength, 1);
        Vector512<float> c = EveryFourth(in corner, rowLength, 2);
        Vector512<float> d = EveryFourth(in corner, rowLength, 3);
        Vector512<double> lowAb = Avx512F.UnpackLow(a, b).AsDouble();
        Vector512<double> highAb = Avx512F.UnpackHigh(a, b).AsDouble();
        Vector512<double> lowCd = Avx512F.UnpackLow(c, d).AsDouble();
        Vector512<double> highCd = Avx512F.UnpackHigh(c, d).AsDouble();
        Avx512F.UnpackLow(lowAb, lowCd).AsSingle().StoreUnsafe(ref destination);
        Avx512F.UnpackHigh(lowAb, lowCd).AsSingle().StoreUnsafe(ref destination, 16);
        Avx512F.UnpackLow(highAb, highCd).AsSingle().StoreUnsafe(ref destination, 32);
        Avx512F.UnpackHigh(highAb, highCd).AsSingle().StoreUnsafe(ref destination, 48);
    }

    // Four columns of eight rows.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void RunEight(ref readonly float corner, int rowLength, ref float destination)
    {
        Vector256<float> a = AndFourBelow(in corner, rowLength, 0);
        Vector256<float> b = AndFourBelow(in corner, rowLength, 1);
        Vector256<float> c = AndFourBelow(in corner, rowLength, 2);
        Vector256<float> d = AndFourBelow(in corner, rowLength, 3);
        Vector256<double> lowAb = Avx.UnpackLow(a, b).AsDouble();
        Vector256<double> highAb = Avx.UnpackHigh(a, b).AsDouble();
        Vector256<double> lowCd = Avx.UnpackLow(c, d).AsDouble();
        Vector256<double> highCd = Avx.UnpackHigh(c, d).AsDouble();
        Avx.UnpackLow(lowAb, lowCd).AsSingle().StoreUnsafe(ref destination);
        Avx.UnpackHigh(lowAb, lowCd).AsSingle().StoreUnsafe(ref destination, 8);
        Avx.UnpackLow(highAb, highCd).AsSingle().StoreUnsafe(ref destination, 16);
        Avx.UnpackHigh(highAb, highCd).AsSingle().StoreUnsafe(ref destination, 24);
    }

    // Four columns of a row and of the row four below it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<float> AndFourBelow(ref readonly float corner, int rowLength, int row) => Avx.InsertVector128(
        Vector128.LoadUnsafe(in corner, (nuint)(row * rowLength)).ToVector256Unsafe(),
        Vector128.LoadUnsafe(in corner, (nuint)((row + 4) * rowLength)), 1);

    // Four columns of a row and of the rows four, eight and twelve below it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<float> EveryFourth(ref readonly float corner, int rowLength, int row)
    {
        Vector512<float> rows = Vector128.LoadUnsafe(in corner, (nuint)(row * rowLength)).ToVector256Unsafe().ToVector512Unsafe();
        rows = Avx512F.InsertVector128(rows, Vector128.LoadUnsafe(in corner, (nuint)((row + 4) * rowLength)), 1);
        rows = Avx512F.InsertVector128(rows, Vector128.LoadUnsafe(in corner, (nuint)((row + 8) * rowLength)), 2);
        return Avx512F.InsertVector128(rows, Vector128.LoadUnsafe(in corner, (nuint)((row + 12) * rowLength)), 3);
    }

    // a0 b0 a1 b1, and a2 b2 a3 b3.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector128<float> Low, Vector128<float> High) Interleave(Vector128<float> a, Vector128<float> b) => Sse.IsSupported
        ? (Sse.UnpackLow(a, b), Sse.UnpackHigh(a, b))
        : (AdvSimd.Arm64.ZipLow(a, b), AdvSimd.Arm64.ZipHigh(a, b));

    // a0 a1 b0 b1, and a2 a3 b2 b3.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static (Vector128<float> Low, Vector128<float> High) InterleavePairs(Vector128<float> a, Vector128<float> b) => Sse.IsSupported
        ? (Sse.MoveLowToHigh(a, b), Sse.MoveHighToLow(b, a))
        : (AdvSimd.Arm64.ZipLow(a.AsDouble(), b.AsDouble()).AsSingle(), AdvSimd.Arm64.ZipHigh(a.AsDouble(), b.AsDouble()).AsSingle());
}
