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

    private Group _first;
    private Group _second;

    // Sums over both groups' weights before each rank.
    private IQ1Rows _products;

    // By shift, the products if every weight were at the upper level.
    private IQ1Rows _upperProducts;

    public static int Size => 16;

    public static int Shifts => 4;

    // Bit 1 is the first group, bit 0 the second.
    public static bool IsDown(int shift, int group) => ((shift >> (1 - group)) & 1) != 0;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Take<TF, TI>(int lane, ReadOnlySpan<float> weights, ReadOnlySpan<float> factors, ReadOnlySpan<int> ranks)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        // A weight of one group is a zero to the other.
        for (int i = 0; i < ranks.Length; i++)
        {
            int rank = ranks[i] + 1;
            float product = factors[i] * weights[i];
            bool isFirst = i < 8;
            _first.Products.Set<TF, TI>(rank, lane, isFirst ? product : 0);
            _first.Factors.Set<TF, TI>(rank, lane, isFirst ? factors[i] : 0);
            _second.Products.Set<TF, TI>(rank, lane, isFirst ? 0 : product);
            _second.Factors.Set<TF, TI>(rank, lane, isFirst ? 0 : factors[i]);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public TF AddUp<TF, TI>()
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TF factor = _first.AddUp<TF, TI>() + _second.AddUp<TF, TI>();
        for (int rank = 0; rank <= Size; rank++)
            _products.SetRow<TF, TI>(rank, _first.Products.Row<TF, TI>(rank) + _second.Products.Row<TF, TI>(rank));
        for (int shift = 0; shift < Shifts; shift++)
        {
            TF first = _first.Products.Row<TF, TI>(Size) * TF.Broadcast(IsDown(shift, 0) ? Down : Up);
            TF second = _second.Products.Row<TF, TI>(Size) * TF.Broadcast(IsDown(shift, 1) ? Down : Up);
            _upperProducts.SetRow<TF, TI>(shift, first + second);
        }
        return factor;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly (TF Products, TF Squares) At<TF, TI>(int shift, int middle, int upper)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        bool first = IsDown(shift, 0);
        bool second = IsDown(shift, 1);
        return (
            _first.ProductsAt<TF, TI>(middle, upper, first) + _second.ProductsAt<TF, TI>(middle, upper, second),
            _first.SquaresAt<TF, TI>(middle, upper, first) + _second.SquaresAt<TF, TI>(middle, upper, second));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly TF Score<TF, TI>(int middle, int upper)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TF before = _products.Row<TF, TI>(upper) + _products.Row<TF, TI>(middle);
        TF firstUp = _first.SquaresAt<TF, TI>(middle, upper, false);
        TF firstDown = _first.SquaresAt<TF, TI>(middle, upper, true);
        TF secondUp = _second.SquaresAt<TF, TI>(middle, upper, false);
        TF secondDown = _second.SquaresAt<TF, TI>(middle, upper, true);
        IQ1Score<TF, TI> up = IQ1Score<TF, TI>.Of(_upperProducts.Row<TF, TI>(0) - before, firstUp + secondUp)
            .OrBetter(IQ1Score<TF, TI>.Of(_upperProducts.Row<TF, TI>(1) - before, firstUp + secondDown));
        return up.OrBetter(
            IQ1Score<TF, TI>.Of(_upperProducts.Row<TF, TI>(2) - before, firstDown + secondUp)
                .OrBetter(IQ1Score<TF, TI>.Of(_upperProducts.Row<TF, TI>(3) - before, firstDown + secondDown)))
            .Value;
    }

    private struct Group
    {
        // Sums over the group's weights before each rank in the sub-block.
        public IQ1Rows Products;
        public IQ1Rows Factors;

        // The squares up to the first boundary, by its rank, and their change by the second.
        private IQ1Rows _lowUpSquares;
        private IQ1Rows _lowDownSquares;
        private IQ1Rows _upSquares;
        private IQ1Rows _downSquares;

        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public TF AddUp<TF, TI>()
            where TF : struct, IFloatLanes<TF, TI>
            where TI : struct, IIntLanes<TI, TF>
        {
            Products.AddUp<TF, TI>(Size);
            TF factor = Factors.AddUp<TF, TI>(Size);
            TF upSquares = factor * TF.Broadcast(Up) * TF.Broadcast(Up);
            TF downSquares = factor * TF.Broadcast(Down) * TF.Broadcast(Down);
            for (int rank = 0; rank <= Size; rank++)
            {
                TF before = Factors.Row<TF, TI>(rank);
                _lowUpSquares.SetRow<TF, TI>(rank, upSquares + (TF.Broadcast(UpLowStep) * before));
                _lowDownSquares.SetRow<TF, TI>(rank, downSquares + (TF.Broadcast(DownLowStep) * before));
                _upSquares.SetRow<TF, TI>(rank, TF.Broadcast(UpHighStep) * before);
                _downSquares.SetRow<TF, TI>(rank, TF.Broadcast(DownHighStep) * before);
            }
            return factor;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly TF ProductsAt<TF, TI>(int middle, int upper, bool down)
            where TF : struct, IFloatLanes<TF, TI>
            where TI : struct, IIntLanes<TI, TF> =>
            (Products.Row<TF, TI>(Size) * TF.Broadcast(down ? Down : Up))
                - (Products.Row<TF, TI>(upper) + Products.Row<TF, TI>(middle));

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public readonly TF SquaresAt<TF, TI>(int middle, int upper, bool down)
            where TF : struct, IFloatLanes<TF, TI>
            where TI : struct, IIntLanes<TI, TF> => down
                ? _lowDownSquares.Row<TF, TI>(middle) + _downSquares.Row<TF, TI>(upper)
                : _lowUpSquares.Row<TF, TI>(middle) + _upSquares.Row<TF, TI>(upper);
    }
}
