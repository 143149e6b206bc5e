using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>The sums of IQ1_S, whose 32 weights are all shifted up or all down.</summary>
internal struct IQ1_SSums : IIQ1Sums
{
    private const float Step = IQ1Codebook.Delta;
    private const float Up = 1 + Step;
    private const float Down = 1 - Step;

    // By shift, up first: the levels -1, 0 and 1.
    private static ReadOnlySpan<float> Lows => [-Down, -Up];

    private static ReadOnlySpan<float> Steps => [Step, -Step];

    private static ReadOnlySpan<float> Highs => [Up, Down];

    // Sums over the weights before each rank.
    private IQ1Rows _products;
    private IQ1Rows _factors;

    public static int Size => 32;

    public static int Shifts => 2;

    [UnscopedRef]
    public readonly ref readonly IQ1Rows Products => ref _products;

    public static bool IsDown(int shift, int group) => shift == 1;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void AddUp<TF, TI>(ReadOnlySpan<int> order, ReadOnlySpan<float> weights, ReadOnlySpan<float> factors)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TF products = TF.Broadcast(0);
        TF sum = products;
        _products.SetRow<TF, TI>(0, products);
        _factors.SetRow<TF, TI>(0, sum);
        for (int rank = 0; rank < Size; rank++)
        {
            TF factor = TF.Load(in factors[rank * TF.Count]);
            products += factor * TF.Load(in weights[rank * TF.Count]);
            sum += factor;
            _products.SetRow<TF, TI>(rank + 1, products);
            _factors.SetRow<TF, TI>(rank + 1, sum);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly (TF Products, TF Squares) At<TF, TI>(int shift, int middle, int upper)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TF low = TF.Broadcast(Lows[shift]);
        TF step = TF.Broadcast(Steps[shift]);
        TF high = TF.Broadcast(Highs[shift]);
        TF products = _products.Row<TF, TI>(middle);
        TF factors = _factors.Row<TF, TI>(middle);
        TF productsBetween = _products.Row<TF, TI>(upper) - products;
        TF factorsBetween = _factors.Row<TF, TI>(upper) - factors;
        TF productsAbove = _products.Row<TF, TI>(Size) - _products.Row<TF, TI>(upper);
        TF factorsAbove = _factors.Row<TF, TI>(Size) - _factors.Row<TF, TI>(upper);
        return (
            (products * low) + (productsBetween * step) + (productsAbove * high),
            (factors * low * low) + (factorsBetween * step * step) + (factorsAbove * high * high));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly TF UpperProducts<TF, TI>(int shift)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF> => _products.Row<TF, TI>(Size) * TF.Broadcast(Highs[shift]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public readonly void WriteSquares<TF, TI>(ref IQ1Table middles, ref IQ1Table uppers)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TF square = TF.Broadcast(Step * Step);
        TF up = TF.Broadcast(Up * Up);
        TF down = TF.Broadcast(Down * Down);
        TF sum = _factors.Row<TF, TI>(Size);
        for (int rank = 0; rank <= Size; rank++)
        {
            TF before = _factors.Row<TF, TI>(rank);
            ref float middle = ref middles.RowsOf<TF, TI>(rank, Shifts);
            (before * (down - square)).Store(ref middle);
            (before * (up - square)).Store(ref Unsafe.Add(ref middle, TF.Count));
            ref float upper = ref uppers.RowsOf<TF, TI>(rank, Shifts);
            ((before * square) + ((sum - before) * up)).Store(ref upper);
            ((before * square) + ((sum - before) * down)).Store(ref Unsafe.Add(ref upper, TF.Count));
        }
    }
}
