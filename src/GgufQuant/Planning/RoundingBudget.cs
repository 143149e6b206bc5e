using GgufQuant.Calibration;
using GgufQuant.Formats;

namespace GgufQuant.Planning;

/// <summary>What rounding with moments needs of a memory budget: half of it for the factor of an input, the other half for rows.</summary>
internal static class RoundingBudget
{
    /// <summary>Bytes for the factors of moments.</summary>
    public static long ForFactors(long budget) => budget / 2;

    /// <summary>Columns of the widest block of moments whose factor fits a budget, a multiple of 256.</summary>
    public static int WidestFor(long budget)
    {
        double squares = ForFactors(budget) / 1.25 / FeedbackFactor.BytesFor(1);
        return (int)Math.Min(Math.Sqrt(squares), InputMoments.MostColumns) / SuperBlock.Size * SuperBlock.Size;
    }

    /// <summary>Checks that the largest factor fits.</summary>
    /// <param name="inputs">The moments to round with; null for none.</param>
    /// <param name="budget">The memory budget in bytes.</param>
    /// <exception cref="QuantizationException">It does not; the message gives the budget that is needed.</exception>
    public static void Check(IEnumerable<InputMoments?> inputs, long budget)
    {
        long largest = inputs.OfType<InputMoments>().Select(RoundingFactor.PeakBytesFor).DefaultIfEmpty(0).Max();
        if (largest > ForFactors(budget))
            throw new QuantizationException($"Rounding with the calibration needs a memory budget of {2 * largest:N0} bytes: raise the budget, or make a calibration of narrower blocks.");
    }
}
