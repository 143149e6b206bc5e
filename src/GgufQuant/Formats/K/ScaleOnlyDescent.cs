using System.Numerics;
using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>ggml's <c>make_q3_quants</c>: improves one level at a time, weighting each weight by its square.</summary>
/// <remarks>
/// <para>
/// Each weight's level is compared with the one that would be best if all others stayed, a quotient. Few change, so most
/// quotients are never computed: if the dividend lies within 0.499 divisors of the present level's multiple, the quotient
/// rounds to the present level, whatever the last bits of the three products are. Beyond the outermost levels this holds
/// up to ±4·10⁶, short of where ggml's rounding wraps. Divisors too small for this argument are not skipped.
/// </para>
/// <para>
/// A sub-block in which no weight can change at its initial sums is done; so is one that changed nothing in a pass. Four
/// out of five are done before the first pass. The rest are moved together, so that every lane of the passes has work.
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
    private const float ShortOfWrapping = 4e6f;
    private const float FarFromDenormal = 1e-30f;

    /// <summary>Finds the scales of many sub-blocks.</summary>
    /// <param name="weights">Sixteen weights per sub-block.</param>
    /// <param name="range">Levels range from minus this to this minus one.</param>
    /// <param name="scales">Receives the scales, padded to a multiple of the lanes.</param>
    /// <param name="levels">
    /// Receives the levels with <paramref name="range"/> added, <c>[element][lane]</c> for each group of sub-blocks.
    /// </param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(ReadOnlySpan<float> weights, int range, Span<float> scales, Span<byte> levels)
    {
        int capacity = scales.Length + TF.Count;
        SubBlocks group = new(stackalloc float[SubBlocks.Rows * TF.Count], TF.Count, range);
        SubBlocks unsettled = new(stackalloc float[SubBlocks.Rows * capacity], capacity, range);
        Span<int> indices = stackalloc int[scales.Length];
        int count = 0;
        for (int first = 0; first < scales.Length; first += TF.Count)
        {
            group.Start(in weights[first * Elements], out TI negligible);
            group.StoreLevels(negligible, ref levels[first * Elements]);
            group.StoreScales(ref scales[first]);
            TI movable = group.FindMovable();
            group.CopyTo(unsettled, 0, movable, count);
            for (uint lanes = TI.MaskBits(movable); lanes != 0; lanes &= lanes - 1)
                indices[count++] = first + BitOperations.TrailingZeroCount(lanes);
        }
        for (int pass = 0; pass < MaxPasses && count != 0; pass++)
        {
            int left = 0;
            for (int start = 0; start < count; start += TF.Count)
            {
                TI changed = unsettled.Improve(start);
                // Lanes beyond the last sub-block hold garbage.
                uint present = (uint)((1L << Math.Min(TF.Count, count - start)) - 1);
                for (uint lanes = present & ~TI.MaskBits(changed); lanes != 0; lanes &= lanes - 1)
                {
                    int lane = start + BitOperations.TrailingZeroCount(lanes);
                    unsettled.Settle(lane, indices[lane], scales, levels);
                }
                unsettled.CopyTo(unsettled, start, changed, left);
                for (uint lanes = present & TI.MaskBits(changed); lanes != 0; lanes &= lanes - 1)
                    indices[left++] = indices[start + BitOperations.TrailingZeroCount(lanes)];
            }
            count = left;
        }
        for (int lane = 0; lane < count; lane++)
            unsettled.Settle(lane, indices[lane], scales, levels);
    }

    /// <summary>Sub-blocks side by side: each row holds one element of all of them.</summary>
    private readonly ref struct SubBlocks(Span<float> storage, int capacity, int range)
    {
        // The weights, their levels, then two sums over them: of factor · weight · level and of factor · level².
        public const int Rows = (2 * Elements) + 2;

        private const int ProductSums = 2 * Elements;
        private const int SquareSums = ProductSums + 1;

        private readonly ref float _start = ref storage[0];
        private readonly int _capacity = capacity;
        private readonly int _range = range;

        /// <summary>Loads one sub-block per lane, at the levels of the plain scale.</summary>
        /// <param name="weights">The first weight; the sub-blocks are consecutive.</param>
        /// <param name="negligible">The lanes that count as zero.</param>
        public void Start(ref readonly float weights, out TI negligible)
        {
            Transposition.Run(in weights, TF.Count, Elements, ref _start);
            TF extreme = ScaleOnlyLanes<TF, TI>.Extreme(ref _start, Elements, out negligible);
            TF products = TF.Broadcast(0);
            TF squares = products;
            TF inverse = TF.Select(negligible, products, TF.Broadcast(-_range) / extreme);
            for (int e = 0; e < Elements; e++)
            {
                TF weight = TF.Load(in At(e, 0));
                TF level = BoundedRounding.Level<TF, TI>(inverse * weight, -_range, _range - 1);
                TF factor = weight * weight;
                level.Store(ref At(Elements + e, 0));
                products += factor * weight * level;
                squares += factor * level * level;
            }
            products.Store(ref At(ProductSums, 0));
            squares.Store(ref At(SquareSums, 0));
        }

        /// <summary>Writes the levels of the first lanes; those of negligible ones count as zero.</summary>
        public void StoreLevels(TI negligible, ref byte levels)
        {
            for (int e = 0; e < Elements; e++)
            {
                // The low byte of a float of this magnitude is its integer.
                TI bits = TF.ToBits(TF.Load(in At(Elements + e, 0)) + TF.Broadcast(Magic + _range));
                (bits & ~negligible).StoreBytes(ref Unsafe.Add(ref levels, e * TF.Count));
            }
        }

        /// <summary>Writes the scales of the first lanes.</summary>
        public void StoreScales(ref float scales)
        {
            TF zero = TF.Broadcast(0);
            TF squares = TF.Load(in At(SquareSums, 0));
            TF.Select(TF.GreaterThan(squares, zero), TF.Load(in At(ProductSums, 0)) / squares, zero).Store(ref scales);
        }

        /// <summary>A mask of the first lanes in which a level may change.</summary>
        public TI FindMovable()
        {
            TF productSum = TF.Load(in At(ProductSums, 0));
            TF squareSum = TF.Load(in At(SquareSums, 0));
            TI movable = TI.Broadcast(0);
            for (int e = 0; e < Elements; e++)
            {
                TF weight = TF.Load(in At(e, 0));
                TF level = TF.Load(in At(Elements + e, 0));
                TF factor = weight * weight;
                TF otherProducts = productSum - (factor * weight * level);
                movable |= MayMove(level, weight * (squareSum - (factor * level * level)), otherProducts);
            }
            return movable;
        }

        /// <summary>Makes one pass over one sub-block per lane.</summary>
        /// <returns>A mask of the lanes in which a level changed.</returns>
        public TI Improve(int first)
        {
            TF productSum = TF.Load(in At(ProductSums, first));
            TF squareSum = TF.Load(in At(SquareSums, first));
            TI changed = TI.Broadcast(0);
            for (int e = 0; e < Elements; e++)
            {
                TF weight = TF.Load(in At(e, first));
                TF old = TF.Load(in At(Elements + e, first));
                TF factor = weight * weight;
                TF weighted = factor * weight;
                TF otherProducts = productSum - (weighted * old);
                TF otherSquares = squareSum - (factor * old * old);
                TF dividend = weight * otherSquares;
                TI candidate = MayMove(old, dividend, otherProducts);
                if (!TI.Any(candidate))
                    continue;

                TF level = TI.ToFloat(ScaleOnlyLanes<TF, TI>.Level(dividend / otherProducts, _range));
                TF newProducts = otherProducts + (weighted * level);
                TF newSquares = otherSquares + (factor * level * level);
                TI better = candidate & ~TF.Equal(level, old) & TF.GreaterThan(newSquares, TF.Broadcast(0))
                    & TF.GreaterThan(newProducts * newProducts * squareSum, productSum * productSum * newSquares);
                changed |= better;
                productSum = TF.Select(better, newProducts, productSum);
                squareSum = TF.Select(better, newSquares, squareSum);
                TF.Select(better, level, old).Store(ref At(Elements + e, first));
            }
            productSum.Store(ref At(ProductSums, first));
            squareSum.Store(ref At(SquareSums, first));
            return changed;
        }

        /// <summary>Copies the chosen lanes so that they lie together.</summary>
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
        public void Settle(int lane, int index, Span<float> scales, Span<byte> levels)
        {
            float squares = At(SquareSums, lane);
            scales[index] = squares > 0 ? At(ProductSums, lane) / squares : 0;
            ref byte level = ref levels[(index / TF.Count * TF.Count * Elements) + (index % TF.Count)];
            float magic = Magic + _range;
            for (int e = 0; e < Elements; e++)
                Unsafe.Add(ref level, e * TF.Count) = (byte)BitConverter.SingleToInt32Bits(At(Elements + e, lane) + magic);
        }

        // Whether a level other than the present one may be better, if all others stay: see the class's remarks.
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private TI MayMove(TF level, TF dividend, TF divisor)
        {
            TF lower = TF.Select(
                TF.Equal(level, TF.Broadcast(-_range)), TF.Broadcast(-ShortOfWrapping), level - TF.Broadcast(SurelyRounded));
            TF upper = TF.Select(
                TF.Equal(level, TF.Broadcast(_range - 1)), TF.Broadcast(ShortOfWrapping), level + TF.Broadcast(SurelyRounded));
            TI stays = TF.GreaterThan(dividend, lower * divisor) & TF.GreaterThan(upper * divisor, dividend)
                & TF.GreaterThan(divisor, TF.Broadcast(FarFromDenormal));
            return TF.GreaterThan(divisor, TF.Broadcast(0)) & ~stays;
        }

        private ref float At(int row, int lane) => ref Unsafe.Add(ref _start, (row * _capacity) + lane);
    }
}
