using System.Numerics;
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
/// <para>
/// A sub-block that changes nothing in one pass changes nothing in the next: after the first pass, four of five are done.
/// Those that are left move together, so that every lane of the later passes has work.
/// </para>
/// </remarks>
internal static class SignedDescent<TF, TI>
    where TF : struct, IFloatLanes<TF, TI>
    where TI : struct, IIntLanes<TI, TF>
{
    private const int MaxPasses = 5;
    private const int Elements = SignedLanes<TF, TI>.Elements;
    private const float SurelyRounded = 0.499f;
    private const float Magic = 12582912f;
    private const float ShortOfWrapping = 4e6f;
    private const float FarFromDenormal = 1e-30f;

    private static int Size => Elements * TF.Count;

    /// <summary>Finds the scales of many sub-blocks.</summary>
    /// <param name="weights">Sixteen weights a sub-block.</param>
    /// <param name="range">Levels reach from minus this to one less than this.</param>
    /// <param name="scales">Takes the scales, as many as a multiple of the lanes.</param>
    /// <param name="levels">
    /// Takes the levels with <paramref name="range"/> added, <c>[element][lane]</c> for each group of sub-blocks.
    /// </param>
    [SkipLocalsInit]
    public static void Run(ReadOnlySpan<float> weights, int range, Span<float> scales, Span<byte> levels)
    {
        Group group = new(stackalloc float[6 * Size], range);
        Span<float> rows = stackalloc float[Size];
        Span<float> sums = stackalloc float[scales.Length];
        Span<float> squares = stackalloc float[scales.Length];
        Span<int> unsettled = stackalloc int[scales.Length];
        int count = 0;
        for (int first = 0; first < scales.Length; first += TF.Count)
        {
            group.Start(in weights[first * Elements], out TF sum, out TF square, out TI negligible);
            uint changed = group.Improve(ref sum, ref square);
            sum.Store(ref sums[first]);
            square.Store(ref squares[first]);
            group.StoreLevels(negligible, ref levels[first * Elements]);
            for (; changed != 0; changed &= changed - 1)
                unsettled[count++] = first + BitOperations.TrailingZeroCount(changed);
        }
        for (int pass = 1; pass < MaxPasses && count != 0; pass++)
        {
            int left = 0;
            for (int start = 0; start < count; start += TF.Count)
            {
                ReadOnlySpan<int> chosen = unsettled[start..Math.Min(count, start + TF.Count)];
                uint changed = group.Resume(weights, chosen, rows, sums, squares, levels);
                for (; changed != 0; changed &= changed - 1)
                    unsettled[left++] = chosen[BitOperations.TrailingZeroCount(changed)];
            }
            count = left;
        }
        TF zero = TF.Broadcast(0);
        for (int first = 0; first < scales.Length; first += TF.Count)
        {
            TF square = TF.Load(in squares[first]);
            TF.Select(TF.GreaterThan(square, zero), TF.Load(in sums[first]) / square, zero).Store(ref scales[first]);
        }
    }

    /// <summary>As many sub-blocks as there are lanes: their weights, and what each adds to the sums at its level.</summary>
    private readonly ref struct Group(Span<float> storage, int range)
    {
        private readonly ref float _weights = ref storage[0];
        private readonly int _range = range;
        private readonly TF _least = TF.Broadcast(-range);
        private readonly TF _greatest = TF.Broadcast(range - 1);

        /// <summary>Takes sub-blocks that lie one after the other, at the levels of the plain scale.</summary>
        public void Start(ref readonly float weights, out TF sum, out TF squares, out TI negligible)
        {
            Transposition.Run(in weights, TF.Count, Elements, ref _weights);
            TF extreme = SignedLanes<TF, TI>.Extreme(ref _weights, Elements, out negligible);
            sum = squares = TF.Broadcast(0);
            TF inverse = TF.Select(negligible, sum, TF.Broadcast(-_range) / extreme);
            for (int at = 0; at < Size; at += TF.Count)
            {
                TF weight = TF.Load(in Weight(at));
                (TF product, TF square) = Set(at, weight, BoundedRounding.Level<TF, TI>(inverse * weight, -_range, _range - 1));
                sum += product;
                squares += square;
            }
        }

        /// <summary>Takes chosen sub-blocks where a pass has left them, and makes one more.</summary>
        /// <returns>The lanes in which a level changed, as bits.</returns>
        public uint Resume(
            ReadOnlySpan<float> weights, ReadOnlySpan<int> chosen, Span<float> rows,
            Span<float> sums, Span<float> squares, Span<byte> levels)
        {
            Span<float> laneSums = stackalloc float[TF.Count];
            Span<float> laneSquares = stackalloc float[TF.Count];
            rows[(chosen.Length * Elements)..].Clear();
            for (int lane = 0; lane < chosen.Length; lane++)
            {
                int subBlock = chosen[lane];
                weights.Slice(subBlock * Elements, Elements).CopyTo(rows[(lane * Elements)..]);
                laneSums[lane] = sums[subBlock];
                laneSquares[lane] = squares[subBlock];
                ref byte level = ref LevelOf(subBlock, levels);
                for (int at = lane; at < Size; at += TF.Count)
                    Level(at) = Unsafe.Add(ref level, at - lane) - _range;
            }
            laneSums[chosen.Length..].Clear();
            laneSquares[chosen.Length..].Clear();
            Transposition.Run(in rows[0], TF.Count, Elements, ref _weights);
            for (int at = 0; at < Size; at += TF.Count)
                Set(at, TF.Load(in Weight(at)), TF.Load(in Level(at)));

            TF sum = TF.Load(in laneSums[0]);
            TF square = TF.Load(in laneSquares[0]);
            uint changed = Improve(ref sum, ref square);
            sum.Store(ref laneSums[0]);
            square.Store(ref laneSquares[0]);
            for (uint lanes = changed; lanes != 0; lanes &= lanes - 1)
            {
                int lane = BitOperations.TrailingZeroCount(lanes);
                sums[chosen[lane]] = laneSums[lane];
                squares[chosen[lane]] = laneSquares[lane];
                ref byte level = ref LevelOf(chosen[lane], levels);
                for (int at = lane; at < Size; at += TF.Count)
                    Unsafe.Add(ref level, at - lane) = (byte)(Level(at) + _range);
            }
            return changed;
        }

        /// <summary>Makes one pass.</summary>
        /// <returns>The lanes in which a level changed, as bits.</returns>
        public uint Improve(ref TF allProducts, ref TF allSquares)
        {
            TF zero = TF.Broadcast(0);
            TF sum = allProducts;
            TF squares = allSquares;
            TI changed = TI.Broadcast(0);
            for (int at = 0; at < Size; at += TF.Count)
            {
                TF weight = TF.Load(in Weight(at));
                TF otherSum = sum - TF.Load(in Product(at));
                TF otherSquares = squares - TF.Load(in Square(at));
                TF dividend = weight * otherSquares;
                TI stays = TF.GreaterThan(dividend, TF.Load(in Lower(at)) * otherSum)
                    & TF.GreaterThan(TF.Load(in Upper(at)) * otherSum, dividend)
                    & TF.GreaterThan(otherSum, TF.Broadcast(FarFromDenormal));
                TI candidate = TF.GreaterThan(otherSum, zero) & ~stays;
                if (!TI.Any(candidate))
                    continue;

                TF old = TF.Load(in Level(at));
                TF level = TI.ToFloat(SignedLanes<TF, TI>.Level(dividend / otherSum, _range));
                TF factor = weight * weight;
                TF newSum = otherSum + (factor * weight * level);
                TF newSquares = otherSquares + (factor * level * level);
                TI better = candidate & ~TF.Equal(level, old) & TF.GreaterThan(newSquares, zero)
                    & TF.GreaterThan(newSum * newSum * squares, sum * sum * newSquares);
                if (!TI.Any(better))
                    continue;
                changed |= better;
                sum = TF.Select(better, newSum, sum);
                squares = TF.Select(better, newSquares, squares);
                Set(at, weight, TF.Select(better, level, old));
            }
            allProducts = sum;
            allSquares = squares;
            return TI.MaskBits(changed);
        }

        /// <summary>Writes the levels; those of negligible lanes count as zero.</summary>
        public void StoreLevels(TI negligible, ref byte levels)
        {
            for (int at = 0; at < Size; at += TF.Count)
            {
                // The low byte of a float of this size is its integer.
                TI bits = TF.ToBits(TF.Load(in Level(at)) + TF.Broadcast(Magic + _range));
                (bits & ~negligible).StoreBytes(ref Unsafe.Add(ref levels, at));
            }
        }

        // Where the levels of a sub-block begin; its elements lie as far apart as there are lanes.
        private static ref byte LevelOf(int subBlock, Span<byte> levels) =>
            ref levels[(subBlock / TF.Count * Size) + (subBlock % TF.Count)];

        private ref float Weight(int at) => ref Unsafe.Add(ref _weights, at);

        private ref float Level(int at) => ref Unsafe.Add(ref _weights, Size + at);

        private ref float Product(int at) => ref Unsafe.Add(ref _weights, (2 * Size) + at);

        private ref float Square(int at) => ref Unsafe.Add(ref _weights, (3 * Size) + at);

        // How far the level reaches, in divisors.
        private ref float Lower(int at) => ref Unsafe.Add(ref _weights, (4 * Size) + at);

        private ref float Upper(int at) => ref Unsafe.Add(ref _weights, (5 * Size) + at);

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        private (TF Product, TF Square) Set(int at, TF weight, TF level)
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
