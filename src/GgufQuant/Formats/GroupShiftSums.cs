using System.Runtime.CompilerServices;
using GgufQuant.Kernels;

namespace GgufQuant.Formats;

/// <summary>The sums of IQ1_M, whose 16 weights are two groups, each shifted up or down.</summary>
/// <remarks>
/// With steps of one between levels, a group's products are those of all its weights at the upper level less the sums
/// before the two boundaries, and its squares change by the steps of the levels' squares. ggml computes them so, and
/// so they round.
/// </remarks>
internal struct GroupShiftSums : ITernarySums
{
    private const float Up = 1 + ShiftedTernary.Unit;
    private const float Down = 1 - ShiftedTernary.Unit;
    private const float Step = ShiftedTernary.Unit;

    // From the square of level -1, shifted, to that of level 0, and from there to that of level 1.
    private const float UpLowStep = (Down * Down) - (Step * Step);
    private const float UpHighStep = (Step * Step) - (Up * Up);
    private const float DownLowStep = (Up * Up) - (Step * Step);
    private const float DownHighStep = (Step * Step) - (Down * Down);

    private Group _first;
    private Group _second;

    public static int Size => 16;

    public static int Shifts => 4;

    public readonly float FactorSum => _first.FactorSum + _second.FactorSum;

    /// <summary>Whether shifts turn a group down: bit 1 is the first group, bit 0 the second.</summary>
    public static bool IsDown(int shift, int group) => ((shift >> (1 - group)) & 1) != 0;

    /// <summary>Takes a sub-block.</summary>
    public void Fill<TF, TI>(ReadOnlySpan<float> weights, ReadOnlySpan<float> factors, ReadOnlySpan<int> order)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        // To one group a weight of the other is a zero; sorted in the first loop, that takes no branch.
        for (int j = 0; j < Size; j++)
        {
            int i = order[j];
            _first.Terms[j] = factors[i] * weights[i];
            _second.Terms[j] = factors[i];
        }
        TF zero = TF.Broadcast(0);
        for (int j = 0; j < Size; j += TF.Count)
        {
            TI isFirst = TI.GreaterThan(TI.Broadcast(8), TI.Load(in order[j]));
            TF products = TF.Load(in _first.Terms[j]);
            TF terms = TF.Load(in _second.Terms[j]);
            TF.Select(isFirst, products, zero).Store(ref _first.Terms[j]);
            TF.Select(isFirst, zero, products).Store(ref _second.Terms[j]);
            TF.Select(isFirst, terms, zero).Store(ref _first.FactorTerms[j]);
            TF.Select(isFirst, zero, terms).Store(ref _second.FactorTerms[j]);
        }
        _first.Fill<TF, TI>();
        _second.Fill<TF, TI>();
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void SetMiddle(int middle)
    {
        _first.SetMiddle(middle);
        _second.SetMiddle(middle);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public (TF Products, TF Squares) At<TF, TI>(int shift, int upper)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF> =>
        (_first.Products<TF, TI>(upper, IsDown(shift, 0)) + _second.Products<TF, TI>(upper, IsDown(shift, 1)),
            _first.Squares<TF, TI>(upper, IsDown(shift, 0)) + _second.Squares<TF, TI>(upper, IsDown(shift, 1)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public TI AnyAbove<TF, TI>(int upper, TF score)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TF firstUp = _first.Products<TF, TI>(upper, false);
        TF firstDown = _first.Products<TF, TI>(upper, true);
        TF secondUp = _second.Products<TF, TI>(upper, false);
        TF secondDown = _second.Products<TF, TI>(upper, true);
        TF firstUpSquares = _first.Squares<TF, TI>(upper, false);
        TF firstDownSquares = _first.Squares<TF, TI>(upper, true);
        TF secondUpSquares = _second.Squares<TF, TI>(upper, false);
        TF secondDownSquares = _second.Squares<TF, TI>(upper, true);
        return TF.GreaterThan(
            TF.Max(
                TF.Max(
                    Excess<TF, TI>(firstUp + secondUp, firstUpSquares + secondUpSquares, score),
                    Excess<TF, TI>(firstUp + secondDown, firstUpSquares + secondDownSquares, score)),
                TF.Max(
                    Excess<TF, TI>(firstDown + secondUp, firstDownSquares + secondUpSquares, score),
                    Excess<TF, TI>(firstDown + secondDown, firstDownSquares + secondDownSquares, score))),
            TF.Broadcast(0));
    }

    // A difference is positive just where the first number is the greater one.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TF Excess<TF, TI>(TF products, TF squares, TF score)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF> =>
        (products * products) - (score * squares);

    private struct Group
    {
        // Factor · weight, and factor, in ascending order; zero for weights of the other group.
        public Places Terms;
        public Places FactorTerms;

        // Sums over the group's weights before each place of the sub-block.
        private Places _products;
        private Places _factors;

        // The squares up to the first boundary, by that, and their change by the second.
        private Places _lowUpSquares;
        private Places _lowDownSquares;

        // Beyond the last place NaN, which no comparison accepts.
        private Places _upSquares;
        private Places _downSquares;

        private float _upProducts;
        private float _downProducts;
        private int _middle;

        public readonly float FactorSum => _factors[Size];

        public void Fill<TF, TI>()
            where TF : struct, IFloatLanes<TF, TI>
            where TI : struct, IIntLanes<TI, TF>
        {
            float product = 0;
            float factor = 0;
            _products[0] = _factors[0] = 0;
            for (int j = 0; j < Size; j++)
            {
                product += Terms[j];
                factor += FactorTerms[j];
                _products[j + 1] = product;
                _factors[j + 1] = factor;
            }
            ((Span<float>)_factors)[(Size + 1)..].Fill(float.NaN);
            TF upSquares = TF.Broadcast(factor * Up * Up);
            TF downSquares = TF.Broadcast(factor * Down * Down);
            for (int j = 0; j <= Size; j += TF.Count)
            {
                TF before = TF.Load(in _factors[j]);
                (upSquares + (TF.Broadcast(UpLowStep) * before)).Store(ref _lowUpSquares[j]);
                (downSquares + (TF.Broadcast(DownLowStep) * before)).Store(ref _lowDownSquares[j]);
                (TF.Broadcast(UpHighStep) * before).Store(ref _upSquares[j]);
                (TF.Broadcast(DownHighStep) * before).Store(ref _downSquares[j]);
            }
            _upProducts = product * Up;
            _downProducts = product * Down;
        }

        public void SetMiddle(int middle) => _middle = middle;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly TF Products<TF, TI>(int upper, bool down)
            where TF : struct, IFloatLanes<TF, TI>
            where TI : struct, IIntLanes<TI, TF> =>
            TF.Broadcast(down ? _downProducts : _upProducts) - (TF.Load(in _products[upper]) + TF.Broadcast(_products[_middle]));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly TF Squares<TF, TI>(int upper, bool down)
            where TF : struct, IFloatLanes<TF, TI>
            where TI : struct, IIntLanes<TI, TF> => down
                ? TF.Broadcast(_lowDownSquares[_middle]) + TF.Load(in _downSquares[upper])
                : TF.Broadcast(_lowUpSquares[_middle]) + TF.Load(in _upSquares[upper]);
    }

    // The 17 places, and as many as the widest lanes may read beyond.
    [InlineArray(32)]
    private struct Places
    {
        private float _first;
    }
}
