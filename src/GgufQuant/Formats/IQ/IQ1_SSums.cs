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

    public static int Size => 32;

    public static int Shifts => 2;

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
    public readonly TF ProductsBefore<TF, TI>(int rank)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF> => _products.Row<TF, TI>(rank);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly TF UpperProducts<TF, TI>(int shift)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF> =>
        _products.Row<TF, TI>(Size) * TF.Broadcast(IsDown(shift, 0) ? Down : Up);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly TF MiddleSquares<TF, TI>(int shift, int middle)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        float low = IsDown(shift, 0) ? Up : Down;
        return _factors.Row<TF, TI>(middle) * TF.Broadcast((low * low) - (Step * Step));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly TF UpperSquares<TF, TI>(int shift, int upper)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        float high = IsDown(shift, 0) ? Down : Up;
        TF before = _factors.Row<TF, TI>(upper);
        return (before * TF.Broadcast(Step * Step))
            + ((_factors.Row<TF, TI>(Size) - before) * TF.Broadcast(high * high));
    }
}
