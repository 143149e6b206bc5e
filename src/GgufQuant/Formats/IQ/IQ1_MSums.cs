using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>The sums of IQ1_M, whose 16 weights are two groups, each shifted up or down.</summary>
/// <remarks>
/// With steps of one between levels, a group's products are those of all its weights at the upper level minus the sums
/// before the two boundaries, and its squares change by the differences of the levels' squares. ggml computes them this
/// way, so they round this way.
/// </remarks>
internal struct IQ1_MSums : IIQ1Sums
{
    private const float Up = 1 + IQ1Codebook.Delta;
    private const float Down = 1 - IQ1Codebook.Delta;
    private const float Step = IQ1Codebook.Delta;

    // From the square of level -1, shifted, to that of level 0, and from there to that of level 1.
    private const float UpLowStep = (Down * Down) - (Step * Step);
    private const float UpHighStep = (Step * Step) - (Up * Up);
    private const float DownLowStep = (Up * Up) - (Step * Step);
    private const float DownHighStep = (Step * Step) - (Down * Down);

    // By direction, up first.
    private static ReadOnlySpan<float> Uppers => [Up, Down];

    private static ReadOnlySpan<float> LowSteps => [UpLowStep, DownLowStep];

    private static ReadOnlySpan<float> HighSteps => [UpHighStep, DownHighStep];

    private Group _first;
    private Group _second;

    // Sums over both groups' weights before each rank.
    private IQ1Rows _products;

    public static int Size => 16;

    public static int Shifts => 4;

    [UnscopedRef]
    public readonly ref readonly IQ1Rows Products => ref _products;

    // Bit 1 is the first group, bit 0 the second.
    public static bool IsDown(int shift, int group) => ((shift >> (1 - group)) & 1) != 0;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void AddUp<TF, TI>(ReadOnlySpan<int> order, ReadOnlySpan<float> weights, ReadOnlySpan<float> factors)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TF zero = TF.Broadcast(0);
        TF firstProducts = zero;
        TF firstFactors = zero;
        TF secondProducts = zero;
        TF secondFactors = zero;
        _first.Set<TF, TI>(0, zero, zero);
        _second.Set<TF, TI>(0, zero, zero);
        _products.SetRow<TF, TI>(0, zero);
        // A weight of one group is a zero to the other.
        for (int rank = 0; rank < Size; rank++)
        {
            TI isSecond = TI.GreaterThan(TI.Load(in order[rank * TF.Count]), TI.Broadcast(7));
            TF factor = TF.Load(in factors[rank * TF.Count]);
            TF product = factor * TF.Load(in weights[rank * TF.Count]);
            firstProducts += TF.Select(isSecond, zero, product);
            firstFactors += TF.Select(isSecond, zero, factor);
            secondProducts += TF.Select(isSecond, product, zero);
            secondFactors += TF.Select(isSecond, factor, zero);
            _first.Set<TF, TI>(rank + 1, firstProducts, firstFactors);
            _second.Set<TF, TI>(rank + 1, secondProducts, secondFactors);
            _products.SetRow<TF, TI>(rank + 1, firstProducts + secondProducts);
        }
        _first.Complete<TF, TI>(firstProducts, firstFactors);
        _second.Complete<TF, TI>(secondProducts, secondFactors);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly (TF Products, TF Squares) At<TF, TI>(int shift, int middle, int upper)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        // No branch: the shifts of splits that come one after the other are hard to predict.
        int first = shift >> 1;
        int second = shift & 1;
        return (
            _first.ProductsAt<TF, TI>(middle, upper, first) + _second.ProductsAt<TF, TI>(middle, upper, second),
            _first.SquaresAt<TF, TI>(middle, upper, first) + _second.SquaresAt<TF, TI>(middle, upper, second));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly TF UpperProducts<TF, TI>(int shift)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF> =>
        _first.UpperProducts<TF, TI>(shift >> 1) + _second.UpperProducts<TF, TI>(shift & 1);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void WriteSquares<TF, TI>(ref IQ1Table middles, ref IQ1Table uppers)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        for (int rank = 0; rank <= Size; rank++)
        {
            WriteSums(
                _first.MiddleSquares<TF, TI>(rank, 0), _first.MiddleSquares<TF, TI>(rank, 1),
                _second.MiddleSquares<TF, TI>(rank, 0), _second.MiddleSquares<TF, TI>(rank, 1),
                ref middles.RowsOf<TF, TI>(rank, Shifts));
            WriteSums(
                _first.UpperSquares<TF, TI>(rank, 0), _first.UpperSquares<TF, TI>(rank, 1),
                _second.UpperSquares<TF, TI>(rank, 0), _second.UpperSquares<TF, TI>(rank, 1),
                ref uppers.RowsOf<TF, TI>(rank, Shifts));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        static void WriteSums(TF firstUp, TF firstDown, TF secondUp, TF secondDown, ref float rows)
        {
            (firstUp + secondUp).Store(ref rows);
            (firstUp + secondDown).Store(ref Unsafe.Add(ref rows, TF.Count));
            (firstDown + secondUp).Store(ref Unsafe.Add(ref rows, 2 * TF.Count));
            (firstDown + secondDown).Store(ref Unsafe.Add(ref rows, 3 * TF.Count));
        }
    }

    private struct Group
    {
        // Sums over the group's weights before each rank in the sub-block.
        private IQ1Rows _products;
        private IQ1Rows _factors;

        // By direction, with all weights at the upper level.
        private IQ1Rows _upperProducts;
        private IQ1Rows _upperSquares;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Set<TF, TI>(int rank, TF products, TF factors)
            where TF : struct, IFloatLanes<TF, TI>
            where TI : struct, IIntLanes<TI, TF>
        {
            _products.SetRow<TF, TI>(rank, products);
            _factors.SetRow<TF, TI>(rank, factors);
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Complete<TF, TI>(TF products, TF factors)
            where TF : struct, IFloatLanes<TF, TI>
            where TI : struct, IIntLanes<TI, TF>
        {
            for (int direction = 0; direction < Uppers.Length; direction++)
            {
                TF upper = TF.Broadcast(Uppers[direction]);
                _upperProducts.SetRow<TF, TI>(direction, products * upper);
                _upperSquares.SetRow<TF, TI>(direction, factors * upper * upper);
            }
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly TF ProductsAt<TF, TI>(int middle, int upper, int direction)
            where TF : struct, IFloatLanes<TF, TI>
            where TI : struct, IIntLanes<TI, TF> =>
            UpperProducts<TF, TI>(direction) - (_products.Row<TF, TI>(upper) + _products.Row<TF, TI>(middle));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly TF SquaresAt<TF, TI>(int middle, int upper, int direction)
            where TF : struct, IFloatLanes<TF, TI>
            where TI : struct, IIntLanes<TI, TF> =>
            MiddleSquares<TF, TI>(middle, direction) + UpperSquares<TF, TI>(upper, direction);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly TF UpperProducts<TF, TI>(int direction)
            where TF : struct, IFloatLanes<TF, TI>
            where TI : struct, IIntLanes<TI, TF> => _upperProducts.Row<TF, TI>(direction);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly TF MiddleSquares<TF, TI>(int middle, int direction)
            where TF : struct, IFloatLanes<TF, TI>
            where TI : struct, IIntLanes<TI, TF> =>
            _upperSquares.Row<TF, TI>(direction) + (TF.Broadcast(LowSteps[direction]) * _factors.Row<TF, TI>(middle));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly TF UpperSquares<TF, TI>(int upper, int direction)
            where TF : struct, IFloatLanes<TF, TI>
            where TI : struct, IIntLanes<TI, TF> => TF.Broadcast(HighSteps[direction]) * _factors.Row<TF, TI>(upper);
    }
}
