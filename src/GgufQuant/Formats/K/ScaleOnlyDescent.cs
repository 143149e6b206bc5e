using System.Numerics;
using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>ggml's <c>make_q3_quants</c>: improves one level at a time, weighting each weight by its square.</summary>
/// <remarks>
/// <para>
/// Each weight's level is compared with the one that would be best if all others stayed, a quotient. Few change, so most
/// quotients are never computed. Let the dividend be clamped to the outermost levels' multiples of the divisor, as ggml
/// clamps the level. If it then lies within 0.499 divisors of the present level's multiple, the quotient rounds to the
/// present level, whatever the last bits of the products are.
/// </para>
/// <para>
/// This needs a divisor far from denormal and a quotient short of ±2²², where ggml's rounding wraps, unless no level could
/// move anyway. Let m be the greatest magnitude, whose weight keeps a level of at least 1. Below m = 4·10⁻⁷, the squares that
/// ggml compares are zero; above 3·10⁶, those of the present levels overflow: nothing moves. In between, a positive divisor is
/// at least m³ without the other weights' rounding errors, or for the greatest weight a difference of floats of that
/// size, so a multiple of 2⁻²⁵ m³: far from denormal. No other weight's quotient exceeds 240, and that of the greatest is an
/// average of the ratios of its weight to others with a level, which are above m/480.
/// </para>
/// <para>
/// The greatest magnitude takes the lowest level, −4. If its weight is positive, levels have the opposite signs of their
/// weights, and the sum of products is one of terms that are zero or negative. Rounding is monotonic, so the sum is at most
/// each of its terms, and no divisor, the sum without one term, is positive. ggml moves a level only if it is: half of all
/// sub-blocks are done at once.
/// </para>
/// <para>
/// So are those in which no weight can change at the initial sums, and then those that changed nothing in a pass. Four out
/// of five are done before the first pass. The rest are moved together, so that every lane of the passes has work.
/// </para>
/// </remarks>
internal static class ScaleOnlyDescent<TF, TI>
    where TF : struct, IFloatLanes<TF, TI>
    where TI : struct, IIntLanes<TI, TF>
{
    private const int MaxPasses = 5;
    private const int Elements = ScaleOnlyLanes<TF, TI>.Elements;
    private const float SurelyRounded = 0.499f;
    private const float Magic = 12582912f;

    /// <summary>Finds the scales of many sub-blocks.</summary>
    /// <param name="weights">Sixteen weights per sub-block.</param>
    /// <param name="range">Levels range from minus this to this minus one.</param>
    /// <param name="scales">Receives the scales, padded to a multiple of the lanes.</param>
    /// <param name="levels">
    /// Receives the levels with <paramref name="range"/> added, <c>[element][lane]</c> for each group of sub-blocks; empty if
    /// only the scales are wanted.
    /// </param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(ReadOnlySpan<float> weights, int range, Span<float> scales, Span<byte> levels)
    {
        int capacity = scales.Length + TF.Count;
        Span<int> indices = stackalloc int[scales.Length];
        Started started = new(ref CacheLines.Align(stackalloc float[((Elements + Started.Values) * capacity) + CacheLines.Spare]), capacity);
        int count = Start(weights, range, scales, levels, started, indices);

        SubBlocks unsettled = new(ref CacheLines.Align(stackalloc float[(SubBlocks.Rows * capacity) + CacheLines.Spare]), capacity, range);
        count = FindMovable(started, unsettled, range, indices[..count]);
        for (int pass = 0; pass < MaxPasses && count != 0; pass++)
        {
            int left = 0;
            for (int start = 0; start < count; start += TF.Count)
            {
                if (count - start <= TF.Count)
                {
                    SettleUnchanged(unsettled, start, unsettled.Improve(start), scales, levels, indices[..count], ref left);
                    break;
                }
                TI changed = unsettled.ImproveTwo(start, out TI changedSecond);
                SettleUnchanged(unsettled, start, changed, scales, levels, indices[..count], ref left);
                start += TF.Count;
                SettleUnchanged(unsettled, start, changedSecond, scales, levels, indices[..count], ref left);
            }
            count = left;
        }
        for (int lane = 0; lane < count; lane++)
            unsettled.Settle(lane, indices[lane], scales, levels);
    }

    // Stores the sub-blocks in which nothing changed, and moves the others together.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void SettleUnchanged(
        SubBlocks unsettled, int start, TI changed, Span<float> scales, Span<byte> levels, Span<int> indices, ref int left)
    {
        // Lanes beyond the last sub-block hold garbage.
        uint present = (uint)((1L << Math.Min(TF.Count, indices.Length - start)) - 1);
        for (uint lanes = present & ~TI.MaskBits(changed); lanes != 0; lanes &= lanes - 1)
        {
            int lane = start + BitOperations.TrailingZeroCount(lanes);
            unsettled.Settle(lane, indices[lane], scales, levels);
        }
        unsettled.CopyTo(unsettled, start, changed, left);
        for (uint lanes = present & TI.MaskBits(changed); lanes != 0; lanes &= lanes - 1)
            indices[left++] = indices[start + BitOperations.TrailingZeroCount(lanes)];
    }

    // Every sub-block at the levels of the plain scale. Returns how many may still improve, and lists them.
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int Start(
        ReadOnlySpan<float> weights, int range, Span<float> scales, Span<byte> levels, Started started, Span<int> indices)
    {
        ref float rows = ref CacheLines.Align(stackalloc float[(Elements * TF.Count) + CacheLines.Spare]);
        TF zero = TF.Broadcast(0);
        TF lowest = TF.Broadcast(-range);
        TF highest = TF.Broadcast(range - 1);
        TF wanted = TF.Broadcast(Magic + range);
        int count = 0;
        for (int first = 0; first < scales.Length; first += TF.Count)
        {
            Transposition.Run(in weights[first * Elements], TF.Count, Elements, ref rows);
            TF extreme = ScaleOnlyLanes<TF, TI>.Extreme(ref rows, Elements, out TI negligible);
            TF inverse = TF.Select(negligible, zero, lowest / extreme);
            TF products = zero;
            TF squares = zero;
            for (int e = 0; e < Elements; e++)
            {
                TF weight = ScaleOnlyLanes<TF, TI>.At(ref rows, e);
                TF level = PlainLevel(inverse * weight, highest);
                TF factor = weight * weight;
                products += factor * weight * level;
                squares += factor * level * level;
                if (!levels.IsEmpty)
                {
                    // The low byte of a float of this magnitude is its integer.
                    (TF.ToBits(level + wanted) & ~negligible).StoreBytes(ref levels[(first * Elements) + (e * TF.Count)]);
                }
            }
            TF.Select(TF.GreaterThan(squares, zero), products / squares, zero).Store(ref scales[first]);
            TI open = TF.GreaterThan(inverse, zero);
            started.Add(open, inverse, products, squares, count);
            for (uint lanes = TI.MaskBits(open); lanes != 0; lanes &= lanes - 1)
            {
                int index = first + BitOperations.TrailingZeroCount(lanes);
                started.Copy(in weights[index * Elements], count);
                indices[count++] = index;
            }
        }
        return count;
    }

    // The greatest magnitude takes the lowest level, so no weight lies below it.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TF PlainLevel(TF scaled, TF highest)
    {
        TF magic = TF.Broadcast(Magic);
        return TF.Min((scaled + magic) - magic, highest);
    }

    // Moves the sub-blocks in which a level may change to the second memory, and returns their number.
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static int FindMovable(Started started, SubBlocks unsettled, int range, Span<int> indices)
    {
        SubBlocks group = new(ref CacheLines.Align(stackalloc float[(SubBlocks.Rows * TF.Count) + CacheLines.Spare]), TF.Count, range);
        int count = 0;
        for (int start = 0; start < indices.Length; start += TF.Count)
        {
            TI movable = group.Load(started, start);
            group.CopyTo(unsettled, 0, movable, count);
            // Lanes beyond the last sub-block hold garbage.
            uint present = (uint)((1L << Math.Min(TF.Count, indices.Length - start)) - 1);
            for (uint lanes = present & TI.MaskBits(movable); lanes != 0; lanes &= lanes - 1)
                indices[count++] = indices[start + BitOperations.TrailingZeroCount(lanes)];
        }
        return count;
    }

    /// <summary>Sub-blocks one after the other, with what is known of them at the levels of the plain scale.</summary>
    private readonly ref struct Started(ref float storage, int capacity)
    {
        // The inverse of the plain scale, then two sums over the sub-block: see SubBlocks.
        public const int Values = 3;

        private readonly ref float _weights = ref storage;
        private readonly ref float _inverses = ref Unsafe.Add(ref storage, Elements * capacity);
        private readonly ref float _products = ref Unsafe.Add(ref storage, (Elements + 1) * capacity);
        private readonly ref float _squares = ref Unsafe.Add(ref storage, (Elements + 2) * capacity);

        /// <summary>The weights of the sub-block at an index.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public ref float Weights(int index) => ref Unsafe.Add(ref _weights, index * Elements);

        /// <summary>The values of one sub-block per lane.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public (TF Inverse, TF Products, TF Squares) At(int index) => (
            TF.Load(in Unsafe.Add(ref _inverses, index)), TF.Load(in Unsafe.Add(ref _products, index)), TF.Load(in Unsafe.Add(ref _squares, index)));

        /// <summary>Appends the values of the chosen lanes.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Add(TI chosen, TF inverse, TF products, TF squares, int index)
        {
            CompressStore<TF, TI>.Store(inverse, chosen, ref Unsafe.Add(ref _inverses, index));
            CompressStore<TF, TI>.Store(products, chosen, ref Unsafe.Add(ref _products, index));
            CompressStore<TF, TI>.Store(squares, chosen, ref Unsafe.Add(ref _squares, index));
        }

        /// <summary>Copies the weights of one sub-block.</summary>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public void Copy(ref readonly float weights, int index)
        {
            for (int e = 0; e < Elements; e += TF.Count)
                TF.Load(in Unsafe.Add(ref Unsafe.AsRef(in weights), e)).Store(ref Unsafe.Add(ref Weights(index), e));
        }
    }

    /// <summary>Sub-blocks side by side: each row holds one element of all of them.</summary>
    private readonly ref struct SubBlocks(ref float storage, int capacity, int range)
    {
        // The weights, their levels, and two sums over them, of factor · weight · level and of factor · level².
        public const int Rows = (2 * Elements) + 2;

        private const int ProductSums = 2 * Elements;
        private const int SquareSums = ProductSums + 1;

        private readonly ref float _start = ref storage;
        private readonly int _capacity = capacity;
        private readonly int _range = range;

        /// <summary>Loads one sub-block per lane, at the levels of the plain scale.</summary>
        /// <returns>A mask of the lanes in which a level may change.</returns>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public TI Load(Started started, int first)
        {
            Transposition.Run(in started.Weights(first), TF.Count, Elements, ref _start);
            (TF inverse, TF productSum, TF squareSum) = started.At(first);
            productSum.Store(ref At(ProductSums, 0));
            squareSum.Store(ref At(SquareSums, 0));
            TF lowest = TF.Broadcast(-_range);
            TF highest = TF.Broadcast(_range - 1);
            TF leastRoom = TF.Broadcast(float.MaxValue);
            TF leastProducts = leastRoom;
            ref float weights = ref At(0, 0);
            ref float levels = ref At(Elements, 0);
            for (int e = 0; e < Elements; e++)
            {
                TF weight = ScaleOnlyLanes<TF, TI>.At(ref weights, e);
                TF level = PlainLevel(inverse * weight, highest);
                level.Store(ref Unsafe.Add(ref levels, e * TF.Count));
                TF factor = weight * weight;
                TF otherProducts = productSum - (factor * weight * level);
                TF dividend = weight * (squareSum - (factor * level * level));
                leastRoom = TF.Min(Room(level, dividend, otherProducts, lowest, highest), leastRoom);
                leastProducts = TF.Min(otherProducts, leastProducts);
            }
            return ~(TF.GreaterThan(leastRoom, TF.Broadcast(0)) & TF.GreaterThan(leastProducts, TF.Broadcast(0)));
        }

        /// <summary>Makes one pass over one sub-block per lane.</summary>
        /// <returns>A mask of the lanes in which a level changed.</returns>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public TI Improve(int first)
        {
            TF productSum = TF.Load(in At(ProductSums, first));
            TF squareSum = TF.Load(in At(SquareSums, first));
            TF lowest = TF.Broadcast(-_range);
            TF highest = TF.Broadcast(_range - 1);
            TI changed = TI.Broadcast(0);
            ref float weight = ref At(0, first);
            ref float level = ref At(Elements, first);
            for (int e = 0; e < Elements; e++)
            {
                Improve(in weight, ref level, lowest, highest, ref productSum, ref squareSum, ref changed);
                weight = ref Unsafe.Add(ref weight, _capacity);
                level = ref Unsafe.Add(ref level, _capacity);
            }
            productSum.Store(ref At(ProductSums, first));
            squareSum.Store(ref At(SquareSums, first));
            return changed;
        }

        /// <summary>The same for two sub-blocks per lane: each waits for its previous level, so two take hardly longer than one.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public TI ImproveTwo(int first, out TI changedSecond)
        {
            int second = first + TF.Count;
            TF productSum = TF.Load(in At(ProductSums, first));
            TF squareSum = TF.Load(in At(SquareSums, first));
            TF productSum2 = TF.Load(in At(ProductSums, second));
            TF squareSum2 = TF.Load(in At(SquareSums, second));
            TI changed = TI.Broadcast(0);
            TI changed2 = changed;
            TF lowest = TF.Broadcast(-_range);
            TF highest = TF.Broadcast(_range - 1);
            ref float weight = ref At(0, first);
            ref float level = ref At(Elements, first);
            for (int e = 0; e < Elements; e++)
            {
                Improve(in weight, ref level, lowest, highest, ref productSum, ref squareSum, ref changed);
                Improve(in Unsafe.Add(ref weight, TF.Count), ref Unsafe.Add(ref level, TF.Count), lowest, highest, ref productSum2, ref squareSum2, ref changed2);
                weight = ref Unsafe.Add(ref weight, _capacity);
                level = ref Unsafe.Add(ref level, _capacity);
            }
            productSum.Store(ref At(ProductSums, first));
            squareSum.Store(ref At(SquareSums, first));
            productSum2.Store(ref At(ProductSums, second));
            squareSum2.Store(ref At(SquareSums, second));
            changedSecond = changed2;
            return changed;
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static void Improve(
            ref readonly float weights, ref float levels, TF lowest, TF highest, ref TF productSum, ref TF squareSum, ref TI changed)
        {
            TF zero = TF.Broadcast(0);
            TF weight = TF.Load(in weights);
            TF old = TF.Load(in levels);
            TF factor = weight * weight;
            TF weighted = factor * weight;
            TF otherProducts = productSum - (weighted * old);
            TF otherSquares = squareSum - (factor * old * old);
            TF dividend = weight * otherSquares;
            TF room = Room(old, dividend, otherProducts, lowest, highest);
            TI candidate = TF.GreaterThan(otherProducts, zero) & ~TF.GreaterThan(room, zero);
            if (!TI.Any(candidate))
                return;

            TF level = WrappingRounding.Level<TF, TI>(dividend / otherProducts, lowest, highest);
            TF newProducts = otherProducts + (weighted * level);
            TF newSquares = otherSquares + (factor * level * level);
            TI better = candidate & ~TF.Equal(level, old) & TF.GreaterThan(newSquares, zero)
                & TF.GreaterThan(newProducts * newProducts * squareSum, productSum * productSum * newSquares);
            changed |= better;
            productSum = TF.Select(better, newProducts, productSum);
            squareSum = TF.Select(better, newSquares, squareSum);
            TF.Select(better, level, old).Store(ref levels);
        }

        /// <summary>Copies the chosen lanes so that they lie together.</summary>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void CopyTo(SubBlocks other, int first, TI chosen, int destination)
        {
            for (int row = 0; row < Rows; row++)
                CompressStore<TF, TI>.Store(TF.Load(in At(row, first)), chosen, ref other.At(row, destination));
        }

        /// <summary>Stores a finished sub-block.</summary>
        /// <param name="lane">Its lane here.</param>
        /// <param name="index">Its index among all sub-blocks.</param>
        /// <param name="scales">Receives its scale.</param>
        /// <param name="levels">Receives its levels.</param>
        [MethodImpl(MethodImplOptions.AggressiveOptimization)]
        public void Settle(int lane, int index, Span<float> scales, Span<byte> levels)
        {
            float squares = At(SquareSums, lane);
            scales[index] = squares > 0 ? At(ProductSums, lane) / squares : 0;
            if (levels.IsEmpty)
                return;
            ref byte level = ref levels[(index / TF.Count * TF.Count * Elements) + (index % TF.Count)];
            float magic = Magic + _range;
            for (int e = 0; e < Elements; e++)
                Unsafe.Add(ref level, e * TF.Count) = (byte)BitConverter.SingleToInt32Bits(At(Elements + e, lane) + magic);
        }

        // Positive if the quotient rounds to the present level: see the class's remarks.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private static TF Room(TF level, TF dividend, TF divisor, TF lowest, TF highest)
        {
            TF reached = TF.Min(TF.Max(dividend, lowest * divisor), highest * divisor);
            return (TF.Broadcast(SurelyRounded) * divisor) - TF.Abs(reached - (level * divisor));
        }

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private ref float At(int row, int lane) => ref Unsafe.Add(ref _start, (row * _capacity) + lane);
    }
}
