using System.Runtime.CompilerServices;

namespace GgufQuant.Kernels;

/// <summary>ggml's <c>make_q3_quants</c>: levels improved one at a time, each weight counting by its square.</summary>
/// <remarks>
/// <para>
/// Each weight's level is compared with the one that would be best if all others stayed, a quotient. Few change, so most
/// quotients are never formed: where the dividend lies within 0.499 divisors of the present level's multiple, the
/// quotient rounds to the present level, whatever the last bits of the three products are. Beyond the outermost levels
/// there is room up to ±4·10⁶, short of where ggml's rounding wraps. Divisors too small for that reasoning are not skipped.
/// </para>
/// <para>A lane that changes nothing in one pass changes nothing in the next, so all may go on until none does.</para>
/// </remarks>
internal static class SignedDescent<TF, TI>
    where TF : struct, IFloatLanes<TF, TI>
    where TI : struct, IIntLanes<TI, TF>
{
    private const int MaxPasses = 5;
    private const float SurelyRounded = 0.499f;
    private const float ShortOfWrapping = 4e6f;
    private const float FarFromDenormal = 1e-30f;

    private static int Size => SignedLanes<TF, TI>.Elements * TF.Count;

    /// <summary>Finds the scale of each lane.</summary>
    /// <param name="weights">Sixteen weights a lane, <c>[element][lane]</c>.</param>
    /// <param name="range">Levels reach from minus this to one less than this.</param>
    /// <param name="levels">Takes the levels with <paramref name="range"/> added, laid out the same.</param>
    [SkipLocalsInit]
    public static TF Run(ref float weights, int range, ref byte levels)
    {
        Terms terms = new(stackalloc float[5 * Size], range);
        TF extreme = SignedLanes<TF, TI>.Extreme(ref weights, SignedLanes<TF, TI>.Elements, out TI negligible);
        TF inverse = TF.Broadcast(-range) / extreme;
        TF sum = TF.Broadcast(0);
        TF squares = sum;
        for (int at = 0; at < Size; at += TF.Count)
        {
            TF weight = TF.Load(in Unsafe.Add(ref weights, at));
            TF level = TI.ToFloat(SignedLanes<TF, TI>.Level(inverse * weight, range));
            (TF product, TF square) = terms.Set(at, weight, level);
            sum += product;
            squares += square;
        }
        for (int pass = 0; pass < MaxPasses && Improve(ref weights, range, ~negligible, terms, ref sum, ref squares); pass++)
        {
        }
        for (int at = 0; at < Size; at += TF.Count)
        {
            TI level = TF.NearestInt(TF.Load(in terms.Level(at)));
            ((level + TI.Broadcast(range)) & ~negligible).StoreBytes(ref Unsafe.Add(ref levels, at));
        }
        TF zero = TF.Broadcast(0);
        return TF.Select(TF.GreaterThan(squares, zero) & ~negligible, sum / squares, zero);
    }

    private static bool Improve(
        ref float weights, int range, TI active, Terms terms, ref TF allProducts, ref TF allSquares)
    {
        TF zero = TF.Broadcast(0);
        TF sum = allProducts;
        TF squares = allSquares;
        bool changed = false;
        for (int at = 0; at < Size; at += TF.Count)
        {
            TF weight = TF.Load(in Unsafe.Add(ref weights, at));
            TF otherSum = sum - TF.Load(in terms.Product(at));
            TF otherSquares = squares - TF.Load(in terms.Square(at));
            TF dividend = weight * otherSquares;
            TI stays = TF.GreaterThan(dividend, TF.Load(in terms.Lower(at)) * otherSum)
                & TF.GreaterThan(TF.Load(in terms.Upper(at)) * otherSum, dividend)
                & TF.GreaterThan(otherSum, TF.Broadcast(FarFromDenormal));
            TI candidate = active & TF.GreaterThan(otherSum, zero) & ~stays;
            if (!TI.Any(candidate))
                continue;

            TF old = TF.Load(in terms.Level(at));
            TF level = TI.ToFloat(SignedLanes<TF, TI>.Level(dividend / otherSum, range));
            TF factor = weight * weight;
            TF newSum = otherSum + (factor * weight * level);
            TF newSquares = otherSquares + (factor * level * level);
            TI better = candidate & ~TF.Equal(level, old) & TF.GreaterThan(newSquares, zero)
                & TF.GreaterThan(newSum * newSum * squares, sum * sum * newSquares);
            if (!TI.Any(better))
                continue;
            changed = true;
            sum = TF.Select(better, newSum, sum);
            squares = TF.Select(better, newSquares, squares);
            terms.Set(at, weight, TF.Select(better, level, old));
        }
        allProducts = sum;
        allSquares = squares;
        return changed;
    }

    /// <summary>What each weight adds to the sums at its present level, and how far that level reaches.</summary>
    private readonly ref struct Terms(Span<float> storage, int range)
    {
        private readonly ref float _start = ref storage[0];
        private readonly TF _least = TF.Broadcast(-range);
        private readonly TF _greatest = TF.Broadcast(range - 1);

        public ref float Level(int at) => ref Unsafe.Add(ref _start, at);

        public ref float Product(int at) => ref Unsafe.Add(ref _start, Size + at);

        public ref float Square(int at) => ref Unsafe.Add(ref _start, (2 * Size) + at);

        public ref float Lower(int at) => ref Unsafe.Add(ref _start, (3 * Size) + at);

        public ref float Upper(int at) => ref Unsafe.Add(ref _start, (4 * Size) + at);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public (TF Product, TF Square) Set(int at, TF weight, TF level)
        {
            TF factor = weight * weight;
            TF product = factor * weight * level;
            TF square = factor * level * level;
            TF lower = level - TF.Broadcast(SurelyRounded);
            TF upper = level + TF.Broadcast(SurelyRounded);
            level.Store(ref Level(at));
            product.Store(ref Product(at));
            square.Store(ref Square(at));
            TF.Select(TF.Equal(level, _least), TF.Broadcast(-ShortOfWrapping), lower).Store(ref Lower(at));
            TF.Select(TF.Equal(level, _greatest), TF.Broadcast(ShortOfWrapping), upper).Store(ref Upper(at));
            return (product, square);
        }
    }
}
