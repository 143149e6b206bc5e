namespace GgufQuant.Formats;

/// <summary>Where the search for the best split of a sub-block may start.</summary>
/// <remarks>
/// ggml keeps the split whose products² / squares is the greatest, comparing each with the best before it. A split
/// well below the greatest cannot matter to the outcome: whichever is kept before it, the greatest one is accepted
/// when its turn comes, and from then on only splits that rounding cannot tell from it. So the search may begin with
/// any score known to be reached, less a margin far above what rounding adds up to here (four roundings of 2⁻²⁴), and
/// ends with the same split, unless a number on the way leaves the range of normal floats.
/// </remarks>
internal static class TernarySearch
{
    private const float Margin = 1f / 1024;

    /// <summary>A score to start from.</summary>
    /// <param name="reached">The score of some split; 0 for none.</param>
    /// <param name="factorSum">The sum of the weights' importance.</param>
    /// <param name="greatest">The greatest magnitude.</param>
    public static float Start(float reached, double factorSum, double greatest)
    {
        // No squares are below a 64th of the sum of the factors, and no score above it times the greatest square.
        bool isNormal = reached > 1e-30 && reached * factorSum > 1e-30 && factorSum > 1e-30
            && factorSum * factorSum * greatest * greatest < 1e36;
        return isNormal ? reached * (1 - Margin) : float.MinValue;
    }

    /// <summary>Whether a split is better than the best so far.</summary>
    public static bool IsBetter(float products, float squares, float best) =>
        squares > 0 && products * products > best * squares;
}
