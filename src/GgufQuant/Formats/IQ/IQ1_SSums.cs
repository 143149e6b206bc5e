using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>The sums of IQ1_S, whose 32 weights are all shifted up or all down.</summary>
internal struct IQ1_SSums : IIQ1Sums
{
    private const float Step = IQ1Codebook.Delta;
    private const float Up = 1 + Step;
    private const float Down = 1 - Step;

    // Sums over the weights before each rank.
    private IQ1Rows _products;
    private IQ1Rows _factors;

    // The squares, by the first weight of the upper level, as if there were no lowest one; and what that adds, by the first
    // weight of the middle one.
    private IQ1Rows _upSquares;
    private IQ1Rows _downSquares;
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
        _products.AddUp<TF, TI>(Size);
        TF factor = _factors.AddUp<TF, TI>(Size);
        for (int rank = 0; rank <= Size; rank++)
        {
            TF before = _factors.Row<TF, TI>(rank);
            TF middle = before * TF.Broadcast(Step * Step);
            _upSquares.SetRow<TF, TI>(rank, middle + ((factor - before) * TF.Broadcast(Up * Up)));
            _downSquares.SetRow<TF, TI>(rank, middle + ((factor - before) * TF.Broadcast(Down * Down)));
            _lowUpSquares.SetRow<TF, TI>(rank, before * TF.Broadcast((Down * Down) - (Step * Step)));
            _lowDownSquares.SetRow<TF, TI>(rank, before * TF.Broadcast((Up * Up) - (Step * Step)));
        }
        return factor;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly (TF Products, TF Squares) At<TF, TI>(int shift, int middle, int upper)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        bool isDown = IsDown(shift, 0);
        TF low = TF.Broadcast(isDown ? -Up : -Down);
        TF step = TF.Broadcast(isDown ? -Step : Step);
        TF high = TF.Broadcast(isDown ? Down : Up);
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
    public readonly TF Score<TF, TI>(int middle, int upper)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        // The levels are one apart.
        TF products = _products.Row<TF, TI>(Size);
        TF before = _products.Row<TF, TI>(upper) + _products.Row<TF, TI>(middle);
        IQ1Score<TF, TI> up = IQ1Score<TF, TI>.Of(
            (products * TF.Broadcast(Up)) - before, _upSquares.Row<TF, TI>(upper) + _lowUpSquares.Row<TF, TI>(middle));
        return up.OrBetter(IQ1Score<TF, TI>.Of(
            (products * TF.Broadcast(Down)) - before, _downSquares.Row<TF, TI>(upper) + _lowDownSquares.Row<TF, TI>(middle))).Value;
    }
}
