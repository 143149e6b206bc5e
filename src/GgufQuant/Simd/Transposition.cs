using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
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
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(ref readonly float source, int rows, int columns, ref float destination)
    {
        ref float from = ref Unsafe.AsRef(in source);
        if (!Sse.IsSupported || rows % 4 != 0)
        {
            for (int row = 0; row < rows; row++)
            {
                for (int column = 0; column < columns; column++)
                    Unsafe.Add(ref destination, (column * rows) + row) = Unsafe.Add(ref from, (row * columns) + column);
            }
            return;
        }
        for (int column = 0; column < columns; column += 4)
        {
            for (int row = 0; row < rows; row += 4)
            {
                ref float corner = ref Unsafe.Add(ref from, (row * columns) + column);
                Vector128<float> a = Vector128.LoadUnsafe(ref corner);
                Vector128<float> b = Vector128.LoadUnsafe(ref corner, (nuint)columns);
                Vector128<float> c = Vector128.LoadUnsafe(ref corner, (nuint)columns * 2);
                Vector128<float> d = Vector128.LoadUnsafe(ref corner, (nuint)columns * 3);
                Vector128<float> lowAb = Sse.UnpackLow(a, b);
                Vector128<float> lowCd = Sse.UnpackLow(c, d);
                Vector128<float> highAb = Sse.UnpackHigh(a, b);
                Vector128<float> highCd = Sse.UnpackHigh(c, d);
                ref float target = ref Unsafe.Add(ref destination, (column * rows) + row);
                Sse.MoveLowToHigh(lowAb, lowCd).StoreUnsafe(ref target);
                Sse.MoveHighToLow(lowCd, lowAb).StoreUnsafe(ref target, (nuint)rows);
                Sse.MoveLowToHigh(highAb, highCd).StoreUnsafe(ref target, (nuint)rows * 2);
                Sse.MoveHighToLow(highCd, highAb).StoreUnsafe(ref target, (nuint)rows * 3);
            }
        }
    }
}
