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
/// the other; the lanes are different sub-blocks. Each step waits for the one before, so that two searches are made in turns.
/// </remarks>
internal struct ScaleMinSearch<TF, TI, TRule>
    where TF : struct, IFloatLanes<TF, TI>
    where TI : struct, IIntLanes<TI, TF>
    where TRule : struct, IScaleMinRule
{
    private TF _least;
    private TF _greatest;
    private TF _factorSum;
    private TF _weightSum;
    private TI _flat;
    private TF _scale;
    private TF _minimum;
    private TF _levelScale;
    private TF _levelMinimum;
    private TF _error;

    // The candidate.
    private TF _newLevelScale;
    private TF _newScale;
    private TF _newMinimum;
    private TF _determinant;

    /// <summary>Fits one sub-block per lane, for two groups of lanes.</summary>
    /// <param name="weights">The weights, <c>[group][element][lane]</c>.</param>
    /// <param name="factors">The importance of each weight's error, in the same layout.</param>
    /// <param name="levels">Scratch of the same size.</param>
    /// <param name="first">Receives the first group's fit.</param>
    /// <param name="second">Receives the second group's fit.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(
        ref float weights, ref float factors, ref float levels, out ScaleMinFit<TF> first, out ScaleMinFit<TF> second)
    {
        int group = TRule.SubBlockSize * TF.Count;
        ref float weights1 = ref Unsafe.Add(ref weights, group);
        ref float factors1 = ref Unsafe.Add(ref factors, group);
        ref float levels1 = ref Unsafe.Add(ref levels, group);
        ScaleSteps grid = TRule.Steps;
        ScaleMinSearch<TF, TI, TRule> search0 = default;
        ScaleMinSearch<TF, TI, TRule> search1 = default;
        search0.Begin(ref weights, ref factors, ref levels);
        search1.Begin(ref weights1, ref factors1, ref levels1);
        for (int step = 0; step <= grid.Last; step++)
        {
            float numerator = grid.At(step, TRule.MaxLevel);
            search0.Propose(ref weights, ref factors, ref levels, numerator);
            search1.Propose(ref weights1, ref factors1, ref levels1, numerator);
            search0.Judge(ref weights, ref factors, ref levels);
            search1.Judge(ref weights1, ref factors1, ref levels1);
        }
        first = search0.Result;
        second = search1.Result;
    }

    private readonly ScaleMinFit<TF> Result
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            TF zero = TF.Broadcast(0);
            return new(
                TF.Select(_flat, zero, _scale), -_minimum, _factorSum,
                TF.Select(_flat, zero, _levelScale), TF.Select(_flat, zero, _levelMinimum));
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Begin(ref float weights, ref float factors, ref float levels)
    {
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
        _least = least;
        _greatest = greatest;
        _factorSum = factorSum;
        _weightSum = weightSum;
        _minimum = TF.Min(TF.Broadcast(0), least);
        _flat = TF.Equal(greatest, _minimum);
        _levelScale = TF.Broadcast(TRule.MaxLevel) / Range;
        _levelMinimum = _minimum;
        _scale = TF.Broadcast(1) / _levelScale;
        Fit(ref weights, ref factors, ref levels, _levelScale);
        _error = Error(ref weights, ref factors, ref levels, _scale, _minimum);
    }

    // Levels of a scale, and what fits them best.
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Propose(ref float weights, ref float factors, ref float levels, float numerator)
    {
        TF zero = TF.Broadcast(0);
        _newLevelScale = TF.Broadcast(numerator) / Range;
        Sums sums = Fit(ref weights, ref factors, ref levels, _newLevelScale);
        TF determinant = (_factorSum * sums.SquaredLevels) - (sums.Levels * sums.Levels);
        TF newScale = ((_factorSum * sums.WeightedLevels) - (_weightSum * sums.Levels)) / determinant;
        TF newMinimum = ((sums.SquaredLevels * _weightSum) - (sums.Levels * sums.WeightedLevels)) / determinant;
        TI positive = TF.GreaterThan(newMinimum, zero);
        if (TI.Any(positive))
        {
            newMinimum = TF.Select(positive, zero, newMinimum);
            newScale = TF.Select(positive, sums.WeightedLevels / sums.SquaredLevels, newScale);
        }
        _newScale = newScale;
        _newMinimum = newMinimum;
        _determinant = determinant;
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private void Judge(ref float weights, ref float factors, ref float levels)
    {
        TF error = Error(ref weights, ref factors, ref levels, _newScale, _newMinimum);
        TI better = TF.GreaterThan(_error, error) & TF.GreaterThan(_determinant, TF.Broadcast(0));
        _error = TF.Select(better, error, _error);
        _levelScale = TF.Select(better, _newLevelScale, _levelScale);
        _levelMinimum = TF.Select(better, _minimum, _levelMinimum);
        _scale = TF.Select(better, _newScale, _scale);
        _minimum = TF.Select(better & ~_flat, _newMinimum, _minimum);
    }

    private readonly TF Range
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => TF.Select(_flat, TF.Broadcast(1), _greatest - _minimum);
    }

    /// <summary>Whether every lane's unrounded levels stay within ±2²², where adding 1.5·2²³ rounds and nothing wraps.</summary>
    /// <remarks>
    /// Subtraction and multiplication round monotonically, so the levels of the least and of the greatest weight bound
    /// all others. NaN and infinity fail the comparison.
    /// </remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly bool IsBounded(TF levelScale)
    {
        TF reach = TF.Abs(levelScale * (_least - _minimum)) + TF.Abs(levelScale * (_greatest - _minimum));
        return !TI.Any(~TF.GreaterThan(TF.Broadcast(4194304f), reach));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private readonly Sums Fit(ref float weights, ref float factors, ref float levels, TF levelScale) =>
        IsBounded(levelScale)
            ? Fit<BoundedRounding>(ref weights, ref factors, ref levels, levelScale, _minimum)
            : Fit<WrappingRounding>(ref weights, ref factors, ref levels, levelScale, _minimum);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Sums Fit<TRounding>(ref float weights, ref float factors, ref float levels, TF levelScale, TF minimum)
        where TRounding : struct, IRounding
    {
        TF sumOfLevels = TF.Broadcast(0);
        TF sumOfSquares = sumOfLevels;
        TF sumOfProducts = sumOfLevels;
        TF lowest = TRounding.Bound<TF, TI>(0);
        TF highest = TRounding.Bound<TF, TI>(TRule.MaxLevel);
        for (int e = 0; e < TRule.SubBlockSize; e++)
        {
            TF weight = Lane(ref weights, e);
            TF level = TRounding.Level<TF, TI>(levelScale * (weight - minimum), lowest, highest);
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
