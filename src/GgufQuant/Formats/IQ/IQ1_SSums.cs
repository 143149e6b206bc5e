using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>The sums of IQ1_S, whose 32 weights are all shifted up or all down.</summary>
internal struct IQ1_SSums : IIQ1Sums
{
    private const float Step = IQ1Codebook.Delta;

    // Sums over the weights before each rank.
    private IQ1Rows _products;
    private IQ1Rows _factors;

    // What the upper level adds, by its first weight.
    private IQ1Rows _upProducts;
    private IQ1Rows _downProducts;
    private IQ1Rows _upSquares;
    private IQ1Rows _downSquares;

    // What the lowest level adds, by the first weight of the middle one.
    private IQ1Rows _lowUpProducts;
    private IQ1Rows _lowDownProducts;
    private IQ1Rows _lowUpSquares;
    private IQ1Rows _lowDownSquares;

    public static int Size => 32;

    public static int Shifts => 2;

    public static bool IsDown(int shift, int group) => shift == 1;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Take<TF, TI>(int lane, ReadOnlySpan<float> weights, ReadOnlySpan<float> factors, ReadOnlySpan<int> ranks)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        for (int i = 0; i < ranks.Length; i++)
        {
            _products.Set<TF, TI>(ranks[i] + 1, lane, factors[i] * weights[i]);
            _factors.Set<TF, TI>(ranks[i] + 1, lane, factors[i]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public TF AddUp<TF, TI>()
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TF product = _products.AddUp<TF, TI>(Size);
        TF factor = _factors.AddUp<TF, TI>(Size);
        TF up = TF.Broadcast(1 + Step);
        TF down = TF.Broadcast(1 - Step);
        for (int rank = 0; rank <= Size; rank++)
        {
            TF before = _products.Row<TF, TI>(rank);
            _lowUpProducts.SetRow<TF, TI>(rank, before * -down);
            _lowDownProducts.SetRow<TF, TI>(rank, before * -up);
            TF products = product - before;
            _upProducts.SetRow<TF, TI>(rank, products * up);
            _downProducts.SetRow<TF, TI>(rank, products * down);
            before = _factors.Row<TF, TI>(rank);
            _lowUpSquares.SetRow<TF, TI>(rank, before * -down * -down);
            _lowDownSquares.SetRow<TF, TI>(rank, before * -up * -up);
            TF remaining = factor - before;
            _upSquares.SetRow<TF, TI>(rank, remaining * up * up);
            _downSquares.SetRow<TF, TI>(rank, remaining * down * down);
        }
        return factor;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly (TF Products, TF Squares) At<TF, TI>(int shift, int middle, int upper)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TF step = TF.Broadcast(Step);
        TF products = (_products.Row<TF, TI>(upper) - _products.Row<TF, TI>(middle)) * step;
        TF squares = (_factors.Row<TF, TI>(upper) - _factors.Row<TF, TI>(middle)) * step * step;
        return shift == 0
            ? (_lowUpProducts.Row<TF, TI>(middle) + products + _upProducts.Row<TF, TI>(upper),
                _lowUpSquares.Row<TF, TI>(middle) + squares + _upSquares.Row<TF, TI>(upper))
            : (_lowDownProducts.Row<TF, TI>(middle) - products + _downProducts.Row<TF, TI>(upper),
                _lowDownSquares.Row<TF, TI>(middle) + squares + _downSquares.Row<TF, TI>(upper));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly TF Score<TF, TI>(int middle, int upper)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        (TF up, TF upSquares) = At<TF, TI>(0, middle, upper);
        (TF down, TF downSquares) = At<TF, TI>(1, middle, upper);
        return IQ1Score<TF, TI>.Of(up, upSquares).OrBetter(IQ1Score<TF, TI>.Of(down, downSquares)).Value;
    }
}
