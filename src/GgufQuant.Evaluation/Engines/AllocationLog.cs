using System.Globalization;
using System.Text.RegularExpressions;

namespace GgufQuant.Evaluation.Engines;

/// <summary>Adds up the sizes that llama.cpp logs when it creates a context.</summary>
internal sealed partial class AllocationLog
{
    private double _cache;
    private double _state;
    private double _compute;

    /// <summary>Whether a size was found: other versions may use different wording.</summary>
    internal bool IsEmpty => _cache + _state + _compute == 0;

    /// <summary>Reads a line.</summary>
    internal void Add(string line)
    {
        _cache += Sum(Cache(), line);
        _state += Sum(State(), line) + Sum(Compressor(), line);
        _compute += Sum(Compute(), line);
    }

    /// <summary>The sizes read so far.</summary>
    /// <param name="weights">Bytes of the tensors, which the log does not give.</param>
    internal MeasuredMemory With(long weights) => new(weights, Bytes(_cache), Bytes(_state), Bytes(_compute));

    private static double Sum(Regex sizes, string line) => sizes.Matches(line).Sum(match =>
        match.Groups["size"].Captures.Sum(size => double.Parse(size.ValueSpan, CultureInfo.InvariantCulture)));

    private static long Bytes(double mebibytes) => (long)Math.Round(mebibytes * (1 << 20));

    [GeneratedRegex(@"K \(\S+\): +(?<size>[\d.]+) MiB, V \(\S+\): +(?<size>[\d.]+) MiB")]
    private static partial Regex Cache();

    [GeneratedRegex(@"R \(\S+\): +(?<size>[\d.]+) MiB, S \(\S+\): +(?<size>[\d.]+) MiB")]
    private static partial Regex State();

    [GeneratedRegex(@"llama_dsv4_comp_state: \w+ ratio = .*\bsize = +(?<size>[\d.]+) MiB")]
    private static partial Regex Compressor();

    [GeneratedRegex(@"compute buffer size = +(?<size>[\d.]+) MiB")]
    private static partial Regex Compute();
}
