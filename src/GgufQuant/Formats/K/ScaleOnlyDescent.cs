using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>ggml's <c>make_q3_quants</c>: improves one level at a time, weighting each weight by its square.</summary>
/// <remarks>
/// <para>
/// Each weight's level is compared with the one that would be best if all others stayed, a quotient. Few change, so most
/// quotients are never computed. Let P and S be the sums of factor · weight · level and of factor · level². For a weight w of
/// level l, the dividend is w (S − w² l²) and the divisor P − w³ l, so that the dividend less l divisors is w S − l P. If that
/// is less than 0.499 divisors, the quotient rounds to l. It is taken for less only if nearly 2⁻¹² P are left over. All that is
/// rounded, here and in ggml, is then at most 9 P, and the roundings lose less than 2⁻¹⁶ P.
/// </para>
/// <para>
/// ggml clamps the level, so w S is clamped to the outermost levels' multiples of P: beyond them the quotient rounds to the
/// outermost level, or further out. A level's sign may differ from its weight's after roundings have decided, so it is w³ l's
/// magnitude that must leave room.
/// </para>
/// <para>
/// This needs sums far from denormal and a quotient short of ±2²², where ggml's rounding wraps, unless no level could
/// move anyway. Let m be the greatest magnitude, whose weight keeps a level of at least 1. Below m = 4·10⁻⁷, the squares that
/// ggml compares are zero; above 3·10⁶, those of the present levels overflow: nothing moves. In between, a positive P or divisor
/// is at least m³ without the other weights' rounding errors, or else a difference of floats of that size, so a multiple of
/// 2⁻²⁵ m³: far from denormal. No other weight's quotient exceeds 240, and that of the greatest is an average of the ratios of
/// its weight to others with a level, which are above m/480.
/// </para>
/// <para>
/// The greatest magnitude takes the lowest level, −4. If its weight is positive, levels have the opposite signs of their
/// weights, and the sum of products is one of terms that are zero or negative. Rounding is monotonic, so the sum is at most
/// each of its terms, and no divisor, the sum without one term, is positive. ggml moves a level only if it is: half of all
/// sub-blocks are done at once.
/// </para>
/// <para>
/// So are those in which no weight can change at the initial sums: four out of five in all. The rest are moved together, and
/// then each lane goes from one weight that may change to the next, whatever the others do. A level that changes, one or two
/// in most sub-blocks, takes one turn of all lanes; a pass over all sixteen weights in step would wait for each of them.
/// </para>
/// </remarks>
internal static class ScaleOnlyDescent<TF, TI>
    where TF : struct, IFloatLanes<TF, TI>
    where TI : struct, IIntLanes<TI, TF>
{
    private const int MaxPasses = 5;
    private const int Elements = ScaleOnlyLanes<TF, TI>.Elements;
    private const float SurelyRounded = 0.499f;
    private const float SurelyKept = 1 - (1f / 2048);
    private const float Magic = 12582912f;

    /// <summary>Finds the scales of many sub-blocks.</summary>
    /// <param name="weights">Sixteen weights per sub-block; of sub-blocks, an even multiple of the lanes.</param>
    /// <param name="range">Levels range from minus this to this minus one.</param>
    /// <param name="scales">Receives the scales.</param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(ReadOnlySpan<float> weights, int range, Span<float> scales)
    {
        int capacity = scales.Length + TF.Count;
        Movable movable = new(ref CacheLines.Align(stackalloc float[(Movable.Rows * capacity) + CacheLines.Spare]), capacity);
        int count = Start(weights, range, scales, movable);
        SubBlocks unsettled = new(ref CacheLines.Align(stackalloc float[(SubBlocks.Rows * capacity) + CacheLines.Spare]), capacity, range);
        unsettled.Load(weights, movable, count);
        while (count != 0)
        {
            int left = 0;
            for (int start = 0; start < count; start += TF.Count)
            {
                // Lanes beyond the last sub-block hold garbage.
                uint present = (uint)((1L << Math.Min(TF.Count, count - start)) - 1);
                left += BitOperations.PopCount(unsettled.Improve(start) & present);
            }
            if (left <= count / 2)
                count = unsettled.Settle(count, scales);
        }
    }

    // Every sub-block at the levels of the plain scale. Returns how many may still improve, and lists them.
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Start(ReadOnlySpan<float> weights, int range, Span<float> scales, Movable movable)
    {
        int size = Elements * TF.Count;
        ref float rows = ref CacheLines.Align(stackalloc float[(6 * size) + CacheLines.Spare]);
        ref float rows2 = ref Unsafe.Add(ref rows, 3 * size);
        TF zero = TF.Broadcast(0);
        TF lowest = TF.Broadcast(-range);
        TF highest = TF.Broadcast(range - 1);
        int count = 0;
        // Two at a time, since each sum waits for its last addition.
        for (int first = 0; first < scales.Length; first += 2 * TF.Count)
        {
            int second = first + TF.Count;
            TF inverse = PlainInverse(in weights[first * Elements], ref rows, lowest);
            TF inverse2 = PlainInverse(in weights[second * Elements], ref rows2, lowest);
            TF products = zero;
            TF squares = zero;
            TF products2 = zero;
            TF squares2 = zero;
            for (int e = 0; e < size; e += TF.Count)
            {
                AddPlain(ref Unsafe.Add(ref rows, e), inverse, highest, ref products, ref squares);
                AddPlain(ref Unsafe.Add(ref rows2, e), inverse2, highest, ref products2, ref squares2);
            }
            TF.Select(TF.GreaterThan(squares, zero), products / squares, zero).Store(ref scales[first]);
            TF.Select(TF.GreaterThan(squares2, zero), products2 / squares2, zero).Store(ref scales[second]);
            Room room = new(products, squares, lowest, highest);
            Room room2 = new(products2, squares2, lowest, highest);
            TF greatest = zero;
            TF greatest2 = zero;
            for (int e = 0; e < size; e += TF.Count)
            {
                greatest = TF.Max(Taken(room, ref Unsafe.Add(ref rows, e)), greatest);
                greatest2 = TF.Max(Taken(room2, ref Unsafe.Add(ref rows2, e)), greatest2);
            }
            movable.Add(TF.GreaterThan(inverse, zero) & ~TF.GreaterThan(room.Limit, greatest), first, inverse, products, squares, ref count);
            movable.Add(TF.GreaterThan(inverse2, zero) & ~TF.GreaterThan(room2.Limit, greatest2), second, inverse2, products2, squares2, ref count);
        }
        return count;
    }

    // Zero if the weights are negligible.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TF PlainInverse(ref readonly float weights, ref float rows, TF lowest)
    {
        Transposition.Run(in weights, TF.Count, Elements, ref rows);
        TF extreme = ScaleOnlyLanes<TF, TI>.Extreme(ref rows, Elements, out TI negligible);
        return TF.Select(negligible, TF.Broadcast(0), lowest / extreme);
    }

    // Stores an element's level and what it adds to the sum of products behind the weights.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddPlain(ref float row, TF inverse, TF highest, ref TF products, ref TF squares)
    {
        TF weight = TF.Load(in row);
        TF level = PlainLevel(inverse * weight, highest);
        level.Store(ref Unsafe.Add(ref row, Elements * TF.Count));
        TF factor = weight * weight;
        TF term = factor * weight * level;
        term.Store(ref Unsafe.Add(ref row, 2 * Elements * TF.Count));
        products += term;
        squares += factor * level * level;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TF Taken(Room room, ref float row)
    {
        TF level = TF.Load(in Unsafe.Add(ref row, Elements * TF.Count));
        TF term = TF.Load(in Unsafe.Add(ref row, 2 * Elements * TF.Count));
        return room.Taken(TF.Load(in row), level, term);
    }

    // The greatest magnitude takes the lowest level, so no weight lies below it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TF PlainLevel(TF scaled, TF highest)
    {
        TF magic = TF.Broadcast(Magic);
        return TF.Min((scaled + magic) - magic, highest);
    }

    /// <summary>Tells which weights surely keep their levels at given sums: see the class's remarks.</summary>
    private readonly struct Room
    {
        private readonly TF _products;
        private readonly TF _squares;
        private readonly TF _lowest;
        private readonly TF _highest;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public Room(TF products, TF squares, TF lowest, TF highest)
        {
            TF unit = TF.Broadcast(1 / SurelyRounded);
            _products = products * unit;
            _squares = squares * unit;
            _lowest = lowest * _products;
            _highest = highest * _products;
            Limit = products * TF.Broadcast(SurelyKept);
        }

        /// <summary>A weight that takes less keeps its level.</summary>
        public TF Limit { get; }

        /// <summary>What a weight takes.</summary>
        /// <param name="weight">The weight.</param>
        /// <param name="level">Its level.</param>
        /// <param name="term">The magnitude of what it adds to the sum of products.</param>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public TF Taken(TF weight, TF level, TF term)
        {
            TF reached = TF.Max(TF.Min(weight * _squares, _highest), _lowest);
            return TF.Abs(reached - (level * _products)) + term;
        }
    }

    /// <summary>The sub-blocks that may improve, with what is known of them at the levels of the plain scale.</summary>
    private readonly ref struct Movable(ref float storage, int capacity)
    {
        // Indices among all sub-blocks, inverses of the plain scales, and two sums: see SubBlocks.
        public const int Rows = 4;

        private readonly ref float _start = ref storage;
        private readonly int _capacity = capacity;

        private static ReadOnlySpan<int> Lanes => [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15];

        public ref int Indices => ref Unsafe.As<float, int>(ref _start);

        public ref float Inverses => ref Unsafe.Add(ref _start, _capacity);

        public ref float Products => ref Unsafe.Add(ref _start, 2 * _capacity);

        public ref float Squares => ref Unsafe.Add(ref _start, 3 * _capacity);

        /// <summary>Appends the chosen lanes.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(TI chosen, int first, TF inverse, TF products, TF squares, ref int count)
        {
            TF indices = TF.FromBits(TI.Load(in MemoryMarshal.GetReference(Lanes)) + TI.Broadcast(first));
            CompressStore<TF, TI>.Store(indices, chosen, ref Unsafe.Add(ref _start, count));
            CompressStore<TF, TI>.Store(inverse, chosen, ref Unsafe.Add(ref Inverses, count));
            CompressStore<TF, TI>.Store(products, chosen, ref Unsafe.Add(ref Products, count));
            CompressStore<TF, TI>.Store(squares, chosen, ref Unsafe.Add(ref Squares, count));
            count += BitOperations.PopCount(TI.MaskBits(chosen));
        }
    }

    /// <summary>Sub-blocks side by side: each row holds one element of all of them.</summary>
    private readonly ref struct SubBlocks(ref float storage, int capacity, int range)
    {
        // The weights, their levels, and the rows below.
        public const int Rows = (2 * Elements) + 8;

        // Sums of factor · weight · level and of factor · level².
        private const int ProductSums = 2 * Elements;
        private const int SquareSums = ProductSums + 1;

        // The element at which the pass is, whether it has changed a level, and how many passes may follow.
        private const int Positions = SquareSums + 1;
        private const int Changed = Positions + 1;
        private const int PassesLeft = Changed + 1;

        // The element whose level is about to change, if any, and the level.
        private const int ChangedElements = PassesLeft + 1;
        private const int NewLevels = ChangedElements + 1;

        // Indices among all sub-blocks.
        private const int Indices = NewLevels + 1;

        private readonly ref float _start = ref storage;
        private readonly int _capacity = capacity;
        private readonly int _range = range;

        /// <summary>Loads sub-blocks at the levels of the plain scale.</summary>
        [SkipLocalsInit]
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Load(ReadOnlySpan<float> weights, Movable movable, int count)
        {
            int size = Elements * TF.Count;
            ref float source = ref CacheLines.Align(stackalloc float[(2 * size) + CacheLines.Spare]);
            ref float rows = ref Unsafe.Add(ref source, size);
            TF highest = TF.Broadcast(_range - 1);
            TI none = TI.Broadcast(-1);
            for (int first = 0; first < count; first += TF.Count)
            {
                int present = Math.Min(TF.Count, count - first);
                for (int lane = 0; lane < present; lane++)
                {
                    ref readonly float weight = ref weights[Unsafe.Add(ref movable.Indices, first + lane) * Elements];
                    for (int e = 0; e < Elements; e += TF.Count)
                        TF.Load(in Unsafe.Add(ref Unsafe.AsRef(in weight), e)).Store(ref Unsafe.Add(ref source, (lane * Elements) + e));
                }
                Transposition.Run(in source, TF.Count, Elements, ref rows);
                TF inverse = TF.Load(in Unsafe.Add(ref movable.Inverses, first));
                for (int e = 0; e < Elements; e++)
                {
                    TF weight = ScaleOnlyLanes<TF, TI>.At(ref rows, e);
                    weight.Store(ref At(e, first));
                    PlainLevel(inverse * weight, highest).Store(ref At(Elements + e, first));
                }
                TF.Load(in Unsafe.Add(ref movable.Products, first)).Store(ref At(ProductSums, first));
                TF.Load(in Unsafe.Add(ref movable.Squares, first)).Store(ref At(SquareSums, first));
                none.Store(ref IntAt(Positions, first));
                TI.Broadcast(0).Store(ref IntAt(Changed, first));
                TI.Broadcast(MaxPasses - 1).Store(ref IntAt(PassesLeft, first));
                none.Store(ref IntAt(ChangedElements, first));
                TI.Load(in Unsafe.Add(ref movable.Indices, first)).Store(ref IntAt(Indices, first));
            }
        }

        /// <summary>Goes on to the next weight whose level may change, and changes it, in one sub-block per lane.</summary>
        /// <returns>The lanes that are not finished, as bits.</returns>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public uint Improve(int first)
        {
            TF zero = TF.Broadcast(0);
            TF lowest = TF.Broadcast(-_range);
            TF highest = TF.Broadcast(_range - 1);
            TF productSum = TF.Load(in At(ProductSums, first));
            TF squareSum = TF.Load(in At(SquareSums, first));
            TI position = TI.Load(in IntAt(Positions, first));
            TI changedElement = TI.Load(in IntAt(ChangedElements, first));
            TF newLevel = TF.Load(in At(NewLevels, first));
            Room room = new(productSum, squareSum, lowest, highest);

            TI one = TI.Broadcast(1);
            TI element = TI.Broadcast(Elements - 1);
            TI next = TI.Broadcast(-1);
            TI anyMoves = TI.Broadcast(0);
            TF weight = zero;
            TF old = zero;
            // Backwards, so that the first weight found remains.
            ref float row = ref At(Elements - 1, first);
            int stride = _capacity;
            for (int e = 0; e < Elements; e++, element -= one)
            {
                ref float levels = ref Unsafe.Add(ref row, Elements * stride);
                TF candidate = TF.Load(in row);
                TF level = TF.Select(TI.Equal(element, changedElement), newLevel, TF.Load(in levels));
                level.Store(ref levels);
                TF term = TF.Abs(candidate * candidate * candidate * level);
                TI moves = ~TF.GreaterThan(room.Limit, room.Taken(candidate, level, term));
                anyMoves |= moves;
                moves &= TI.GreaterThan(element, position);
                weight = TF.Select(moves, candidate, weight);
                old = TF.Select(moves, level, old);
                next = TI.Select(moves, element, next);
                row = ref Unsafe.Subtract(ref row, stride);
            }

            TI found = TI.GreaterThan(next, TI.Broadcast(-1));
            TF factor = weight * weight;
            TF weighted = factor * weight;
            TF otherProducts = productSum - (weighted * old);
            TF otherSquares = squareSum - (factor * old * old);
            TF best = WrappingRounding.Level<TF, TI>(weight * otherSquares / otherProducts, lowest, highest);
            TF newProducts = otherProducts + (weighted * best);
            TF newSquares = otherSquares + (factor * best * best);
            TI better = found & TF.GreaterThan(otherProducts, zero) & ~TF.Equal(best, old) & TF.GreaterThan(newSquares, zero)
                & TF.GreaterThan(newProducts * newProducts * squareSum, productSum * productSum * newSquares);
            TF.Select(better, newProducts, productSum).Store(ref At(ProductSums, first));
            TF.Select(better, newSquares, squareSum).Store(ref At(SquareSums, first));
            TI.Select(better, next, TI.Broadcast(-1)).Store(ref IntAt(ChangedElements, first));
            best.Store(ref At(NewLevels, first));

            TI changed = TI.Load(in IntAt(Changed, first));
            TI passesLeft = TI.Load(in IntAt(PassesLeft, first));
            TI passes = ~found & anyMoves & changed & TI.GreaterThan(passesLeft, TI.Broadcast(0));
            position = TI.Select(found, next, TI.Select(passes, TI.Broadcast(-1), TI.Broadcast(Elements)));
            position.Store(ref IntAt(Positions, first));
            ((changed | better) & found).Store(ref IntAt(Changed, first));
            (passesLeft + passes).Store(ref IntAt(PassesLeft, first));
            return TI.MaskBits(found | passes);
        }

        /// <summary>Stores the scales, and moves the sub-blocks that are not finished together.</summary>
        /// <returns>Their number.</returns>
        [SkipLocalsInit]
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public int Settle(int count, Span<float> scales)
        {
            Span<float> found = stackalloc float[TF.Count];
            TF zero = TF.Broadcast(0);
            int left = 0;
            for (int first = 0; first < count; first += TF.Count)
            {
                int present = Math.Min(TF.Count, count - first);
                TF squares = TF.Load(in At(SquareSums, first));
                TF.Select(TF.GreaterThan(squares, zero), TF.Load(in At(ProductSums, first)) / squares, zero).Store(ref found[0]);
                for (int lane = 0; lane < present; lane++)
                    scales[IntAt(Indices, first + lane)] = found[lane];
                TI unfinished = TI.GreaterThan(TI.Broadcast(Elements), TI.Load(in IntAt(Positions, first)));
                for (int row = 0; row < Rows; row++)
                    CompressStore<TF, TI>.Store(TF.Load(in At(row, first)), unfinished, ref At(row, left));
                left += BitOperations.PopCount(TI.MaskBits(unfinished) & (uint)((1L << present) - 1));
            }
            return left;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private ref float At(int row, int lane) => ref Unsafe.Add(ref _start, (row * _capacity) + lane);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private ref int IntAt(int row, int lane) => ref Unsafe.As<float, int>(ref At(row, lane));
    }
}
