using GgufQuant.Calibration;

namespace GgufQuant.Evaluation.Calibration;

/// <summary>How moments are collected within a memory budget: how wide their blocks are, and which inputs share a pass over the text.</summary>
public sealed class CalibrationPasses
{
    // Wider blocks are worth a pass or two, not many.
    private const int MostPasses = 3;

    private static readonly int[] s_widths = [InputMoments.MostColumns, 16384, 8192, 4096, 2048, 1024, 512, 256];

    private CalibrationPasses(int width, IReadOnlyList<IReadOnlyList<CalibratedInput>> passes)
    {
        Width = width;
        Passes = passes;
    }

    /// <summary>Maximum columns per diagonal block.</summary>
    public int Width { get; }

    /// <summary>The inputs of each pass over the text.</summary>
    public IReadOnlyList<IReadOnlyList<CalibratedInput>> Passes { get; }

    /// <summary>The inputs.</summary>
    public IReadOnlyList<CalibratedInput> Inputs => [.. Passes.SelectMany(pass => pass)];

    /// <summary>Whether all moments are whole.</summary>
    public bool IsWhole => Inputs.All(input => input.Width == input.Columns);

    /// <summary>Bytes of moments in the file.</summary>
    public long FileBytes => Inputs.Sum(CalibrationWriter.BytesFor);

    /// <summary>Bytes of memory that the largest pass takes.</summary>
    public long MemoryBytes => Passes.Select(pass => pass.Sum(MomentSums.BytesFor)).DefaultIfEmpty(0).Max();

    /// <summary>Divides inputs into passes.</summary>
    /// <param name="inputs">The inputs, in the order the model meets them.</param>
    /// <param name="budget">Bytes of memory for moments.</param>
    /// <param name="width">Columns of a block; null for the widest that three passes collect.</param>
    /// <exception cref="CalibrationException">One input's moments exceed the budget; the message gives the smallest budget that suffices.</exception>
    public static CalibrationPasses Plan(IReadOnlyList<CalibratedInput> inputs, long budget, int? width = null)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        CalibrationPasses? plan = null;
        foreach (int candidate in width is { } given ? [given] : s_widths)
        {
            plan = TryPlan(inputs, budget, candidate);
            if (plan?.Passes.Count <= MostPasses)
                break;
        }
        if (plan is not null)
            return plan;
        long least = inputs.Select(input => MomentSums.BytesFor(With(input, width ?? s_widths[^1]))).Max();
        throw new CalibrationException($"Moments in blocks of {width ?? s_widths[^1]} columns need a memory budget of at least {least:N0} bytes, but {budget:N0} were given.");
    }

    private static CalibrationPasses? TryPlan(IReadOnlyList<CalibratedInput> inputs, long budget, int width)
    {
        List<List<CalibratedInput>> passes = [];
        long used = long.MaxValue;
        foreach (CalibratedInput input in inputs.Select(input => With(input, width)))
        {
            long bytes = MomentSums.BytesFor(input);
            if (bytes > budget)
                return null;
            if (used > budget - bytes)
            {
                passes.Add([]);
                used = 0;
            }
            passes[^1].Add(input);
            used += bytes;
        }
        return new(width, passes);
    }

    private static CalibratedInput With(CalibratedInput input, int width) => input with { Width = Math.Min(width, input.Columns) };
}
