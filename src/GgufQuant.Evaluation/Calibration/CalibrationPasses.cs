using GgufQuant.Calibration;
using GgufQuant.Planning;

namespace GgufQuant.Evaluation.Calibration;

/// <summary>Plans the collection of moments within a memory budget: the width of their blocks, and the inputs of each pass over the text.</summary>
public sealed class CalibrationPasses
{
    // Wider blocks are worth one or two more passes, but not many.
    private const int MostPasses = 3;

    private static readonly int[] s_widths = [InputMoments.MostColumns, 16384, 8192, 4096, 2048, 1024, 512, 256];

    private CalibrationPasses(int width, int widthOfExperts, IReadOnlyList<IReadOnlyList<CalibratedInput>> passes)
    {
        Width = width;
        WidthOfExperts = widthOfExperts;
        Passes = passes;
    }

    /// <summary>Maximum columns per diagonal block.</summary>
    public int Width { get; }

    /// <summary>The same for inputs of single experts; 0 if these have no moments.</summary>
    public int WidthOfExperts { get; }

    /// <summary>The inputs of each pass over the text.</summary>
    public IReadOnlyList<IReadOnlyList<CalibratedInput>> Passes { get; }

    /// <summary>The inputs.</summary>
    public IReadOnlyList<CalibratedInput> Inputs => [.. Passes.SelectMany(pass => pass)];

    /// <summary>Whether all moments are collected whole.</summary>
    public bool IsWhole => Inputs.All(input => input.Width == input.Columns);

    /// <summary>The size of the moments in the file, in bytes.</summary>
    public long FileBytes => Inputs.Sum(CalibrationWriter.BytesFor);

    /// <summary>The memory for the largest pass, in bytes.</summary>
    public long MemoryBytes => Passes.Select(pass => pass.Sum(MomentSums.BytesFor)).DefaultIfEmpty(0).Max();

    /// <summary>About how long collecting takes, by the speed that was seen when the inputs were found.</summary>
    public TimeSpan EstimateTime(DiscoveredInputs discovered)
    {
        ArgumentNullException.ThrowIfNull(discovered);
        double evaluating = Passes.Count * discovered.ChunkSeconds;
        double summing = Inputs.Sum(CalibrationWriter.ProductsPerToken) * discovered.ChunkSize / discovered.ProductsPerSecond;
        return TimeSpan.FromSeconds(Math.Min(discovered.Chunks * (evaluating + summing), TimeSpan.MaxValue.TotalSeconds / 2));
    }

    /// <summary>Divides inputs into passes.</summary>
    /// <param name="inputs">The inputs, in the order the model meets them.</param>
    /// <param name="budget">Bytes of memory for moments.</param>
    /// <param name="width">The width of blocks; null for the widest that three passes can collect.</param>
    /// <param name="roundingBudget">Bytes of memory for rounding with the moments, which blocks must fit if <paramref name="width"/> is null.</param>
    /// <exception cref="CalibrationException">One input's moments exceed the budget; the message gives the smallest budget that suffices.</exception>
    public static CalibrationPasses Plan(IReadOnlyList<CalibratedInput> inputs, long budget, int? width = null, long roundingBudget = long.MaxValue)
    {
        ArgumentNullException.ThrowIfNull(inputs);
        CalibrationPasses? plan = null;
        int mostColumns = inputs.Select(input => input.Columns).DefaultIfEmpty(0).Max();
        int widest = Math.Max(RoundingBudget.WidestFor(roundingBudget), s_widths[^1]);
        int[] widths = [.. s_widths.Where(candidate => Math.Min(candidate, mostColumns) <= widest)];
        foreach ((int dense, int ofExperts) in width is { } given ? [(given, given)] : Candidates(widths))
        {
            plan = TryPlan(inputs, budget, dense, ofExperts);
            if (plan?.Passes.Count <= MostPasses)
                break;
        }
        if (plan is not null)
            return plan;
        long least = inputs.Where(input => width is not null || input.Matrices == 1).Max(input => MomentSums.BytesFor(With(input, width ?? s_widths[^1])));
        throw new CalibrationException($"Moments in blocks of {width ?? s_widths[^1]} columns need a memory budget of at least {least:N0} bytes, but {budget:N0} were given.");
    }

    // Inputs of single experts are by far the most numerous, and each sees the least text: their blocks shrink first, and they go last.
    private static IEnumerable<(int Dense, int OfExperts)> Candidates(int[] widths) =>
        [.. widths.Select(width => (widths[0], width)), .. widths.Select(width => (width, widths[^1])), .. widths.Select(width => (width, 0))];

    private static CalibrationPasses? TryPlan(IReadOnlyList<CalibratedInput> inputs, long budget, int width, int widthOfExperts)
    {
        List<List<CalibratedInput>> passes = [];
        long used = long.MaxValue;
        foreach (CalibratedInput whole in inputs.Where(input => input.Matrices == 1 || widthOfExperts > 0))
        {
            CalibratedInput input = With(whole, whole.Matrices == 1 ? width : widthOfExperts);
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
        return new(width, widthOfExperts, passes);
    }

    private static CalibratedInput With(CalibratedInput input, int width) => input with { Width = Math.Min(width, input.Columns) };
}
