using System.Runtime.CompilerServices;
using GgufQuant.Simd;

namespace GgufQuant.Formats;

/// <summary>How well a split of a sub-block fits under one way to shift its levels, a split per lane.</summary>
/// <remarks>The fraction is kept as two numbers, so that only the best of several shifts costs a division.</remarks>
internal readonly struct IQ1Score<TF, TI>
    where TF : struct, IFloatLanes<TF, TI>
    where TI : struct, IIntLanes<TI, TF>
{
    private readonly TF _numerator;
    private readonly TF _denominator;

    private IQ1Score(TF numerator, TF denominator)
    {
        _numerator = numerator;
        _denominator = denominator;
    }

    /// <summary>products² / squares.</summary>
    public TF Value
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _numerator / _denominator;
    }

    /// <summary>The score products² / squares.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static IQ1Score<TF, TI> Of(TF products, TF squares) => new(products * products, squares);

    /// <summary>The greater score of each lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public IQ1Score<TF, TI> OrBetter(IQ1Score<TF, TI> other)
    {
        TI isLess = TF.GreaterThan(other._numerator * _denominator, _numerator * other._denominator);
        return new(
            TF.Select(isLess, other._numerator, _numerator), TF.Select(isLess, other._denominator, _denominator));
    }
}
