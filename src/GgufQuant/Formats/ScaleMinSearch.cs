using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>The parameters of a search for a scale and a minimum.</summary>
internal interface IScaleMinRule
{
    /// <summary>Weights per sub-block.</summary>
    static abstract int SubBlockSize { get; }

    /// <summary>The greatest level; the least is 0.</summary>
    static abstract int MaxLevel { get; }

    /// <summary>The candidate scales.</summary>
    static abstract ScaleSteps Steps { get; }

    /// <summary>Whether errors are absolute rather than squared.</summary>
    static abstract bool ErrorsAreAbsolute { get; }
}

/// <summary>The result of a search for each lane's sub-block.</summary>
/// <param name="Scale">The scale.</param>
/// <param name="Minimum">The number subtracted: the sub-block's negated minimum.</param>
/// <param name="FactorSum">The sum of the weights' factors.</param>
/// <param name="LevelScale">The levels found are <c>LevelScale · (weight − LevelMinimum)</c>, rounded and clamped.</param>
/// <param name="LevelMinimum">See <paramref name="LevelScale"/>.</param>
internal readonly record struct ScaleMinFit<TF>(TF Scale, TF Minimum, TF FactorSum, TF LevelScale, TF LevelMinimum);

/// <summary>ggml's <c>make_qkx2_quants</c> and <c>make_qkx3_quants</c>: the best-fitting scale and minimum of a sub-block.</summary>
/// <remarks>
/// Each candidate scale gives levels, the levels give the least-squares scale and minimum, and those give the error. A
/// winning candidate also moves the minimum that later ones start from, so a sub-block's candidates are tried one after
/// the other; the lanes are different sub-blocks.
/// </remarks>
internal static class ScaleMinSearch<TF, TI, TRule>
    where TF : struct, IFloatLanes<TF, TI>
    where TI : struct, IIntLanes<TI, TF>
    where TRule : struct, IScaleMinRule
{
    /// <summary>Fits one sub-block per lane.</summary>
    /// <param name="weights">The weights, <c>[element][lane]</c>.</param>
    /// <param name="factors">The importance of each weight's error, in the same layout.</param>
    /// <param name="levels">Scratch of the same size.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static ScaleMinFit<TF> Run(ref float weights, ref float factors, ref float levels)
    {
        // Not later: a call there would move the lanes to memory and back.
        ScaleSteps grid = TRule.Steps;
        TF least = Lane(ref weights, 0);
        TF greatest = least;
        TF factorSum = Lane(ref factors, 0);
        TF weightSum = factorSum * least;
        for (int e = 1; e < TRule.SubBlockSize; e++)
        {
            TF weight = Lane(ref weights, e);
            TF factor = Lane(ref factors, e);
            least = TF.Min(weight, least);
            greatest = TF.Max(weight, greatest);
            factorSum += factor;
            weightSum += factor * weight;
        }
        TF zero = TF.Broadcast(0);
        TF one = TF.Broadcast(1);
        TF minimum = TF.Min(zero, least);
        TI flat = TF.Equal(greatest, minimum);

        TF range = TF.Select(flat, one, greatest - minimum);
        TF levelScale = TF.Broadcast(TRule.MaxLevel) / range;
        TF scale = one / levelScale;
        TF bestLevelScale = levelScale;
        TF bestLevelMinimum = minimum;
        Fit(ref weights, ref factors, ref levels, levelScale, minimum, IsBounded(levelScale, minimum, least, greatest));
        TF bestError = Error(ref weights, ref factors, ref levels, scale, minimum);

        for (int step = 0; step <= grid.Last; step++)
        {
            range = TF.Select(flat, one, greatest - minimum);
            levelScale = TF.Broadcast(grid.At(step, TRule.MaxLevel)) / range;
            Sums sums = Fit(
                ref weights, ref factors, ref levels, levelScale, minimum, IsBounded(levelScale, minimum, least, greatest));
            TF determinant = (factorSum * sums.SquaredLevels) - (sums.Levels * sums.Levels);
            TF newScale = ((factorSum * sums.WeightedLevels) - (weightSum * sums.Levels)) / determinant;
            TF newMinimum = ((sums.SquaredLevels * weightSum) - (sums.Levels * sums.WeightedLevels)) / determinant;
            TI positive = TF.GreaterThan(newMinimum, zero);
            if (TI.Any(positive))
            {
                newMinimum = TF.Select(positive, zero, newMinimum);
                newScale = TF.Select(positive, sums.WeightedLevels / sums.SquaredLevels, newScale);
            }
            TF error = Error(ref weights, ref factors, ref levels, newScale, newMinimum);
            TI better = TF.GreaterThan(bestError, error) & TF.GreaterThan(determinant, zero);
            bestError = TF.Select(better, error, bestError);
            bestLevelScale = TF.Select(better, levelScale, bestLevelScale);
            bestLevelMinimum = TF.Select(better, minimum, bestLevelMinimum);
            scale = TF.Select(better, newScale, scale);
            minimum = TF.Select(better & ~flat, newMinimum, minimum);
        }
        return new(
            TF.Select(flat, zero, scale),
            -minimum,
            factorSum,
            TF.Select(flat, zero, bestLevelScale),
            TF.Select(flat, zero, bestLevelMinimum));
    }

    /// <summary>Whether every lane's unrounded levels stay within ±2²², where adding 1.5·2²³ rounds and nothing wraps.</summary>
    /// <remarks>
    /// Subtraction and multiplication round monotonically, so the levels of the least and of the greatest weight bound
    /// all others. NaN and infinity fail the comparison.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsBounded(TF levelScale, TF minimum, TF least, TF greatest)
    {
        TF reach = TF.Abs(levelScale * (least - minimum)) + TF.Abs(levelScale * (greatest - minimum));
        return !TI.Any(~TF.GreaterThan(TF.Broadcast(4194304f), reach));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Sums Fit(
        ref float weights, ref float factors, ref float levels, TF levelScale, TF minimum, bool bounded) =>
        bounded
            ? Fit<BoundedRounding>(ref weights, ref factors, ref levels, levelScale, minimum)
            : Fit<WrappingRounding>(ref weights, ref factors, ref levels, levelScale, minimum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Sums Fit<TRounding>(ref float weights, ref float factors, ref float levels, TF levelScale, TF minimum)
        where TRounding : struct, IRounding
    {
        TF sumOfLevels = TF.Broadcast(0);
        TF sumOfSquares = sumOfLevels;
        TF sumOfProducts = sumOfLevels;
        for (int e = 0; e < TRule.SubBlockSize; e++)
        {
            TF weight = Lane(ref weights, e);
            TF level = TRounding.Level<TF, TI>(levelScale * (weight - minimum), 0, TRule.MaxLevel);
            level.Store(ref Unsafe.Add(ref levels, e * TF.Count));
            TF weighted = Lane(ref factors, e) * level;
            sumOfLevels += weighted;
            sumOfSquares += weighted * level;
            sumOfProducts += weighted * weight;
        }
        return new(sumOfLevels, sumOfSquares, sumOfProducts);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TF Error(ref float weights, ref float factors, ref float levels, TF scale, TF minimum)
    {
        TF error = TF.Broadcast(0);
        for (int e = 0; e < TRule.SubBlockSize; e++)
        {
            TF difference = (scale * Lane(ref levels, e)) + minimum - Lane(ref weights, e);
            difference = TRule.ErrorsAreAbsolute ? TF.Abs(difference) : difference * difference;
            error += Lane(ref factors, e) * difference;
        }
        return error;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TF Lane(ref float rows, int element) => TF.Load(in Unsafe.Add(ref rows, element * TF.Count));

    private readonly record struct Sums(TF Levels, TF SquaredLevels, TF WeightedLevels);
}
