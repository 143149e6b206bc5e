using System.Numerics;
using System.Runtime.CompilerServices;
using GgufQuant.Kernels;

namespace GgufQuant.Formats;

/// <summary>Makes the blocks of IQ1_S and IQ1_M.</summary>
/// <remarks>
/// The weights of a sub-block are sorted, and every way to split them into three runs is tried. The best one rounds
/// each group of eight to a point, or to the best of the points near it.
/// </remarks>
internal readonly struct TernaryQuantizer<TFormat> : ILaneQuantizer
    where TFormat : struct, ITernaryFormat
{
    private const int GroupSize = 8;

    // Digit 2 for every weight.
    private const ulong AllUpper = 0xAAAAAAAAAAAAAAAA;

    // The best splits of bell-shaped weights have about those at level -1 that are below this share of the greatest.
    private const float LowShare = -0.35f;

    private static readonly int[] s_places = [.. Enumerable.Range(0, 32)];

    private static int SubBlockSize => TFormat.ScaleRun;

    public static void Quantize<TF, TI>(
        ReadOnlySpan<float> weights, int rowLength, ReadOnlySpan<float> importance, Span<byte> blocks)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        TernaryScratch scratch = default;
        LatticeNeighbours neighbours = Lattice.IQ1.Neighbours;
        int column = 0;
        for (int b = 0; b < weights.Length / TFormat.BlockSize; b++)
        {
            ReadOnlySpan<float> superBlock = weights.Slice(b * TFormat.BlockSize, TFormat.BlockSize);
            Weigh<TF, TI>(ref scratch, superBlock, importance.IsEmpty ? default : importance.Slice(column, TFormat.BlockSize));
            // The lists of neighbours have arrived when all splits are found.
            for (int s = 0; s < TFormat.BlockSize / SubBlockSize; s++)
                scratch.SubScales[s] = Round<TF, TI>(ref scratch, neighbours, superBlock, s);
            for (int s = 0; s < TFormat.BlockSize / SubBlockSize; s++)
                scratch.SubScales[s] = Settle<TF, TI>(ref scratch, neighbours, superBlock, s);
            Span<byte> block = blocks.Slice(b * TFormat.BlockBytes, TFormat.BlockBytes);
            block.Clear();
            TFormat.Pack(
                superBlock,
                scratch.Factors,
                scratch.Points,
                neighbours.Places,
                scratch.Shifts,
                ((ReadOnlySpan<float>)scratch.SubScales)[..(TFormat.BlockSize / SubBlockSize)],
                block);
            column = column + TFormat.BlockSize == rowLength ? 0 : column + TFormat.BlockSize;
        }
    }

    private static void Weigh<TF, TI>(ref TernaryScratch scratch, ReadOnlySpan<float> weights, ReadOnlySpan<float> importance)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        float sum = 0;
        foreach (float weight in weights)
            sum += weight * weight;
        TF variance = TF.Broadcast(2 * sum / TFormat.BlockSize);
        for (int i = 0; i < TFormat.BlockSize; i += TF.Count)
        {
            TF weight = TF.Load(in weights[i]);
            TF factor = importance.IsEmpty
                ? weight * weight
                : TF.Load(in importance[i]) * TF.Sqrt(variance + (weight * weight));
            factor.Store(ref scratch.Factors[i]);
        }
    }

    /// <summary>Rounds a sub-block by its best split, to codes that need not be points.</summary>
    /// <returns>The scale.</returns>
    [SkipLocalsInit]
    private static float Round<TF, TI>(
        ref TernaryScratch scratch, LatticeNeighbours neighbours, ReadOnlySpan<float> superBlock, int subBlock)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        int first = subBlock * SubBlockSize;
        int firstGroup = first / GroupSize;
        int groups = SubBlockSize / GroupSize;
        ReadOnlySpan<float> weights = superBlock.Slice(first, SubBlockSize);
        ReadOnlySpan<float> factors = ((ReadOnlySpan<float>)scratch.Factors).Slice(first, SubBlockSize);
        ((Span<int>)scratch.Points).Slice(firstGroup, groups).Clear();
        ((Span<int>)scratch.Shifts).Slice(firstGroup, groups).Fill(1);

        TF magnitudes = TF.Abs(TF.Load(in weights[0]));
        for (int i = TF.Count; i < SubBlockSize; i += TF.Count)
            magnitudes = TF.Max(magnitudes, TF.Abs(TF.Load(in weights[i])));
        float greatest = TF.MaxAcross(magnitudes);
        if (greatest < TFormat.Negligible)
            return 0;

        Sort<TF, TI>(weights, ref scratch.Order[0]);
        TernarySplit split = TFormat.Split<TF, TI>(
            weights,
            factors,
            ((ReadOnlySpan<int>)scratch.Order)[..SubBlockSize],
            greatest,
            CountBelow<TF, TI>(weights, LowShare * greatest));
        if (split.Middle < 0)
            return 0;

        bool isTurned = split.Scale < 0;
        ulong codes = 0;
        for (int j = split.Middle; j < SubBlockSize; j++)
            codes |= 1UL << (2 * scratch.Order[j]);
        for (int j = split.Upper; j < SubBlockSize; j++)
            codes += 1UL << (2 * scratch.Order[j]);
        if (isTurned)
            codes = AllUpper - codes;
        for (int g = 0; g < groups; g++)
        {
            bool down = TFormat.IsShiftedDown(split.Shift, g) ^ isTurned;
            scratch.Shifts[firstGroup + g] = down ? -1 : 1;
            int code = (ushort)(codes >> (16 * g));
            scratch.Points[firstGroup + g] = code;
            neighbours.Prefetch(code);
        }
        return Math.Abs(split.Scale);
    }

    /// <summary>Replaces the codes of a sub-block that are no points by the best of the points near them.</summary>
    /// <returns>The scale that fits the points.</returns>
    private static float Settle<TF, TI>(
        ref TernaryScratch scratch, LatticeNeighbours neighbours, ReadOnlySpan<float> superBlock, int subBlock)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        int first = subBlock * SubBlockSize;
        int firstGroup = first / GroupSize;
        int groups = SubBlockSize / GroupSize;
        ReadOnlySpan<float> weights = superBlock.Slice(first, SubBlockSize);
        ReadOnlySpan<float> factors = ((ReadOnlySpan<float>)scratch.Factors).Slice(first, SubBlockSize);
        float scale = scratch.SubScales[subBlock];
        bool allOnLattice = true;
        for (int g = 0; g < groups; g++)
        {
            int place = neighbours.Places[scratch.Points[firstGroup + g]];
            if (place >= 0)
                continue;
            allOnLattice = false;
            int code = LatticeSearch<TF, TI>.Nearest(
                in neighbours.ListAt(place),
                GroupSize,
                in weights[g * GroupSize],
                in factors[g * GroupSize],
                in ShiftedTernary.Levels(scratch.Shifts[firstGroup + g])[0],
                scale,
                ref scratch.LevelCosts[0]);
            if (code < 0)
                throw new ArithmeticException($"The weights cannot be made {TFormat.Name}: the squares of some, times their importance, exceed a float.");
            scratch.Points[firstGroup + g] = code;
        }
        if (!allOnLattice)
        {
            float products = 0;
            float squares = 0;
            for (int g = 0; g < groups; g++)
            {
                ReadOnlySpan<float> levels = ShiftedTernary.Levels(scratch.Shifts[firstGroup + g]);
                int code = scratch.Points[firstGroup + g];
                for (int i = g * GroupSize; i < (g + 1) * GroupSize; i++, code >>= 2)
                {
                    float level = levels[code & 3];
                    float weighted = factors[i] * level;
                    products += weighted * weights[i];
                    squares += weighted * level;
                }
            }
            if (products > 0 && squares > 0)
                scale = products / squares;
        }
        return scale >= 0 ? scale : throw new ArithmeticException($"The weights cannot be made {TFormat.Name}: their sums exceed a float.");
    }

    private static int CountBelow<TF, TI>(ReadOnlySpan<float> weights, float limit)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        int count = 0;
        for (int i = 0; i < SubBlockSize; i += TF.Count)
            count += BitOperations.PopCount(TI.MaskBits(TF.GreaterThan(TF.Broadcast(limit), TF.Load(in weights[i]))));
        return count;
    }

    /// <summary>The places of the weights in ascending order, equal ones in theirs: each goes where its rank says.</summary>
    private static void Sort<TF, TI>(ReadOnlySpan<float> weights, ref int order)
        where TF : struct, IFloatLanes<TF, TI>
        where TI : struct, IIntLanes<TI, TF>
    {
        Span<int> ranks = stackalloc int[SubBlockSize];
        for (int i = 0; i < SubBlockSize; i += TF.Count)
        {
            TF own = TF.Load(in weights[i]);
            TI place = TI.Load(in Unsafe.Add(ref Unsafe.AsRef(in s_places[0]), i));
            TI rank = TI.Broadcast(0);
            for (int j = 0; j < SubBlockSize; j++)
            {
                TF other = TF.Broadcast(weights[j]);
                TI isBefore = TF.GreaterThan(own, other) | (TF.Equal(own, other) & TI.GreaterThan(place, TI.Broadcast(j)));
                rank -= isBefore;
            }
            rank.Store(ref ranks[i]);
        }
        for (int i = 0; i < SubBlockSize; i++)
            Unsafe.Add(ref order, ranks[i]) = i;
    }
}
