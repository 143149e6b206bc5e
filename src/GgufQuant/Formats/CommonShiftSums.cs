using System.Runtime.CompilerServices;
using GgufQuant.Kernels;

namespace GgufQuant.Formats;

/// <summary>The sums of IQ1_S, whose 32 weights are all shifted up or all down.</summary>
internal struct CommonShiftSums : ITernarySums
{
    private const float Step = ShiftedTernary.Unit;

    // Sums over the weights before each place. Beyond the last they are NaN, which no comparison accepts.
    private Places _products;
    private Places _factors;

    // What the upper level adds, by its first weight.
    private Places _upProducts;
    private Places _downProducts;
    private Places _upSquares;
    private Places _downSquares;

    // What the lowest level adds, by the first weight of the middle one.
    private Places _lowUpProducts;
    private Places _lowDownProducts;
    private Places _lowUpSquares;
    private Places _lowDownSquares;

    private int _middle;

    public static int Size => 32;

    public static int Shifts => 2;

    public readonly float FactorSum => _factors[Size];

    /// <summary>Takes a sub-block.</summary>
    public void Fill<TF, TI>(ReadOnlySpan<float> weights, ReadOnlySpan<float> factors, ReadOnlySpan<int> order)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        float product = 0;
        float factor = 0;
        _products[0] = _factors[0] = 0;
        for (int j = 0; j < Size; j++)
        {
            int i = order[j];
            product += factors[i] * weights[i];
            factor += factors[i];
            _products[j + 1] = product;
            _factors[j + 1] = factor;
        }
        ((Span<float>)_products)[(Size + 1)..].Fill(float.NaN);
        ((Span<float>)_factors)[(Size + 1)..].Fill(float.NaN);

        TF up = TF.Broadcast(1 + Step);
        TF down = TF.Broadcast(1 - Step);
        for (int j = 0; j <= Size; j += TF.Count)
        {
            TF before = TF.Load(in _products[j]);
            (before * -down).Store(ref _lowUpProducts[j]);
            (before * -up).Store(ref _lowDownProducts[j]);
            TF products = TF.Broadcast(product) - before;
            before = TF.Load(in _factors[j]);
            (before * -down * -down).Store(ref _lowUpSquares[j]);
            (before * -up * -up).Store(ref _lowDownSquares[j]);
            TF remaining = TF.Broadcast(factor) - before;
            (products * up).Store(ref _upProducts[j]);
            (products * down).Store(ref _downProducts[j]);
            (remaining * up * up).Store(ref _upSquares[j]);
            (remaining * down * down).Store(ref _downSquares[j]);
        }
    }

    public void SetMiddle(int middle) => _middle = middle;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public (TF Products, TF Squares) At<TF, TI>(int shift, int upper)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TF step = TF.Broadcast(Step);
        TF products = (TF.Load(in _products[upper]) - TF.Broadcast(_products[_middle])) * step;
        TF squares = (TF.Load(in _factors[upper]) - TF.Broadcast(_factors[_middle])) * step * step;
        return shift == 0
            ? (TF.Broadcast(_lowUpProducts[_middle]) + products + TF.Load(in _upProducts[upper]),
                TF.Broadcast(_lowUpSquares[_middle]) + squares + TF.Load(in _upSquares[upper]))
            : (TF.Broadcast(_lowDownProducts[_middle]) - products + TF.Load(in _downProducts[upper]),
                TF.Broadcast(_lowDownSquares[_middle]) + squares + TF.Load(in _downSquares[upper]));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TI AnyAbove<TF, TI>(int upper, TF score)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        (TF up, TF upSquares) = At<TF, TI>(0, upper);
        (TF down, TF downSquares) = At<TF, TI>(1, upper);
        return TF.GreaterThan(up * up, score * upSquares) | TF.GreaterThan(down * down, score * downSquares);
    }

    // The 33 places, and as many as the widest lanes may read beyond.
    [InlineArray(48)]
    private struct Places
    {
        private float _first;
    }
}
